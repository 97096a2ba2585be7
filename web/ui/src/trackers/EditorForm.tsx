import { Button, NativeSelect, SegmentedControl, Slider, Switch, TagsInput, Textarea, TextInput } from '@mantine/core';
import { IconAlertTriangle } from '@tabler/icons-react';
import { useQuery } from '@tanstack/react-query';

import { listTrackers } from '../api/trackers';
import type { Handling, Stance, TrackerWarning } from '../api/types';
import { percent } from '../text/format';
import { categoriesOf, defaultThreshold, lines, type Draft } from './draft';
import classes from './Editor.module.css';

interface Props {
  draft: Draft;
  edit: (fields: Partial<Draft>) => void;
  problems: Partial<Record<string, string>>;
  warnings: readonly TrackerWarning[];
}

/** EditorForm is the form of a tracker. */
export function EditorForm({ draft, edit, problems, warnings }: Props) {
  return (
    <>
      <About draft={draft} edit={edit} problems={problems} />
      <section className={classes.card} aria-label="Phrases">
        <Textarea
          label={`Phrases (${lines(draft.phrases).length})`}
          description="Ways to say it, one a line. What means the same is found, too."
          placeholder={'I want to cancel my contract\nhow do I end my subscription'}
          autosize
          minRows={7}
          maxRows={22}
          value={draft.phrases}
          error={problems.phrases}
          onChange={(event) => edit({ phrases: event.currentTarget.value })}
        />
        <Warnings warnings={warnings} />
      </section>
      <section className={classes.card} aria-label="Matching">
        <Threshold draft={draft} edit={edit} />
        <div className={classes.field}>
          <span className={classes.label} id="tracker-role">
            Said by
          </span>
          <SegmentedControl
            aria-labelledby="tracker-role"
            value={draft.role}
            onChange={(role) => edit({ role })}
            data={[
              { value: 'anyone', label: 'Anyone' },
              { value: 'caller', label: 'Caller' },
              { value: 'agent', label: 'Operator' },
            ]}
          />
        </div>
      </section>
      <Exceptions draft={draft} edit={edit} problems={problems} />
    </>
  );
}

function About({ draft, edit, problems }: Omit<Props, 'warnings'>) {
  const { data: trackers } = useQuery({ queryKey: ['trackers'], queryFn: ({ signal }) => listTrackers(signal) });
  return (
    <section className={classes.card} aria-label="About">
      <div className={classes.row}>
        <TextInput
          label="Name"
          maxLength={200}
          className={classes.grow}
          value={draft.name}
          error={problems.name}
          onChange={(event) => edit({ name: event.currentTarget.value })}
        />
        <Switch label="Enabled" className={classes.enabled} checked={draft.enabled} onChange={(event) => edit({ enabled: event.currentTarget.checked })} />
      </div>
      <TextInput
        label="Description"
        maxLength={2000}
        value={draft.description}
        error={problems.description}
        onChange={(event) => edit({ description: event.currentTarget.value })}
      />
      <TagsInput
        label="Categories"
        placeholder={draft.categories.length === 0 ? 'Type and press Enter' : ''}
        data={categoriesOf(trackers ?? [])}
        value={draft.categories}
        error={problems.categories}
        onChange={(categories) => edit({ categories })}
        acceptValueOnBlur
      />
    </section>
  );
}

function Warnings({ warnings }: { warnings: readonly TrackerWarning[] }) {
  if (warnings.length === 0) return null;
  return (
    <ul className={classes.warnings} aria-label="Warnings">
      {warnings.map((w) => (
        <li key={`${w.member} ${w.code} ${w.message}`}>
          <IconAlertTriangle size={15} />
          <span>
            {w.member.replace(/^(\w)/, (first) => first.toUpperCase()).replace('_', ' ')} {w.message}
          </span>
        </li>
      ))}
    </ul>
  );
}

function Threshold({ draft, edit }: Pick<Props, 'draft' | 'edit'>) {
  const value = draft.threshold ?? defaultThreshold;
  return (
    <div className={classes.field}>
      <div className={classes.labels}>
        <span className={classes.label}>How closely</span>
        <output className={classes.value}>{value >= 1 ? 'word for word only' : percent(value)}</output>
        {draft.threshold === null ? (
          <span className={classes.standard}>the default</span>
        ) : (
          <Button size="compact-xs" variant="subtle" onClick={() => edit({ threshold: null })}>
            Use the default
          </Button>
        )}
      </div>
      <Slider
        thumbLabel="How closely"
        min={0.2}
        max={1}
        step={0.01}
        value={value}
        label={null}
        onChange={(threshold) => edit({ threshold })}
        marks={[{ value: 0.2, label: 'Loosely' }, { value: defaultThreshold }, { value: 1, label: 'Exactly' }]}
        className={classes.slider}
      />
    </div>
  );
}

const stances: { kind: keyof Stance; label: string; example: string; standard: string }[] = [
  { kind: 'negation', label: 'Denied', example: '“I do not want to cancel”', standard: 'ignored' },
  { kind: 'question', label: 'Asked', example: '“do you want to cancel?”', standard: 'a match' },
  { kind: 'conditional', label: 'Supposed', example: '“if I wanted to cancel”', standard: 'a match' },
  { kind: 'reported', label: 'Reported', example: '“my wife wanted to cancel”', standard: 'a match' },
];

function Exceptions({ draft, edit, problems }: Omit<Props, 'warnings'>) {
  return (
    <section className={classes.card} aria-label="Exceptions">
      <Textarea
        label="Exclusions"
        description="A sentence with one of these words or phrases is no match. One a line."
        autosize
        minRows={2}
        maxRows={10}
        value={draft.exclusions}
        error={problems.exclusions}
        onChange={(event) => edit({ exclusions: event.currentTarget.value })}
      />
      <Textarea
        label="Negative examples"
        description="Sentences that must not match; the tracker keeps away from their meaning. One a line."
        autosize
        minRows={2}
        maxRows={10}
        value={draft.negatives}
        error={problems.negatives}
        onChange={(event) => edit({ negatives: event.currentTarget.value })}
      />
      <fieldset className={classes.stances}>
        <legend>When it is not simply said</legend>
        {stances.map(({ kind, label, example, standard }) => (
          <NativeSelect
            key={kind}
            label={label}
            description={example}
            value={draft.stance[kind]}
            onChange={(event) => edit({ stance: { ...draft.stance, [kind]: event.currentTarget.value as Handling | '' } })}
            data={[
              { value: '', label: `Default: ${standard}` },
              { value: 'match', label: 'Match' },
              { value: 'ignore', label: 'Ignore' },
              { value: 'separate', label: 'Match, told apart' },
            ]}
          />
        ))}
      </fieldset>
    </section>
  );
}
