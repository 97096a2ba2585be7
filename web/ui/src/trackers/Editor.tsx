import { ActionIcon, Alert, Button, Tooltip } from '@mantine/core';
import { IconArrowBackUp, IconArrowLeft, IconHistory, IconTrash } from '@tabler/icons-react';
import { useState } from 'react';

import { Problem } from '../api/client';
import type { Tracker } from '../api/types';
import { navigate } from '../hooks';
import { whenWas } from '../text/format';
import { fieldProblems, lines, withLine } from './draft';
import classes from './Editor.module.css';
import { EditorForm } from './EditorForm';
import { HistoryDrawer } from './HistoryDrawer';
import { LibraryComparison } from './LibraryComparison';
import { PreviewPanel } from './PreviewPanel';
import { useEditor, type EditorControl, type EditorSource } from './useEditor';
import { usePreview } from './usePreview';

/** Editor shows a tracker and edits it, with what it finds in past calls beside it. */
export function Editor(source: EditorSource) {
  const { tracker } = source;
  const editor = useEditor(source);
  const { draft, edit } = editor;
  const preview = usePreview(draft, tracker);
  const [history, setHistory] = useState(false);
  const refused = [preview.error, editor.save.error].flatMap((error) => (error instanceof Problem ? error.members : []));
  const problems = fieldProblems(draft, refused);
  if (editor.save.error instanceof Problem && editor.save.error.status === 409) problems.name ??= 'Another tracker has this name.';

  return (
    <main className={classes.page}>
      <form
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          editor.save.mutate();
        }}
      >
        <Top editor={editor} tracker={tracker} title={tracker?.name ?? 'New tracker'} onHistory={() => setHistory(true)} />
        <div className={classes.columns}>
          <div className={classes.form}>
            <Troubles editor={editor} />
            <EditorForm draft={draft} edit={edit} problems={problems} warnings={editor.dirty ? [] : (tracker?.warnings ?? [])} />
            {tracker?.library !== undefined && <LibraryComparison tracker={tracker} dirty={editor.dirty} onReset={editor.adopt} />}
          </div>
          <PreviewPanel
            preview={preview}
            phrases={lines(draft.phrases).length}
            onPhrase={(words) => edit({ phrases: withLine(draft.phrases, words) })}
            onNegative={(words) => edit({ negatives: withLine(draft.negatives, words) })}
          />
        </div>
      </form>
      {tracker && <HistoryDrawer tracker={tracker} opened={history} onClose={() => setHistory(false)} onRestore={editor.adopt} />}
    </main>
  );
}

interface TopProps {
  editor: EditorControl;
  tracker: Tracker | undefined;
  title: string;
  onHistory: () => void;
}

function Top({ editor, tracker, title, onHistory }: TopProps) {
  const incomplete = editor.draft.name.trim() === '' || lines(editor.draft.phrases).length === 0;
  return (
    <div className={classes.top}>
      <div className={classes.head}>
        <ActionIcon variant="subtle" color="gray" size="lg" aria-label="All trackers" onClick={() => navigate('/trackers')}>
          <IconArrowLeft size={20} />
        </ActionIcon>
        <div className={classes.title}>
          <h1>{title}</h1>
          <p>
            {tracker && `Version ${editor.version}, ${whenWas(tracker.updated_at, new Date().toDateString())}`}
            {editor.dirty && <span className={classes.dirty}>Not saved</span>}
          </p>
        </div>
        {tracker && (
          <>
            <Tooltip label="Versions">
              <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Versions" onClick={onHistory}>
                <IconHistory size={19} stroke={1.7} />
              </ActionIcon>
            </Tooltip>
            <Tooltip label="Delete">
              <ActionIcon variant="subtle" color="red" size="lg" aria-label="Delete the tracker" loading={editor.remove.isPending} onClick={() => editor.remove.mutate(tracker)}>
                <IconTrash size={19} stroke={1.7} />
              </ActionIcon>
            </Tooltip>
          </>
        )}
        {editor.dirty && (
          <Tooltip label="Discard what was changed">
            <ActionIcon variant="subtle" color="gray" size="lg" aria-label="Discard what was changed" onClick={editor.discard}>
              <IconArrowBackUp size={20} stroke={1.7} />
            </ActionIcon>
          </Tooltip>
        )}
        <Button type="submit" loading={editor.save.isPending} disabled={incomplete || (tracker !== undefined && !editor.dirty)}>
          {tracker ? 'Save' : 'Create'}
        </Button>
      </div>
    </div>
  );
}

/** Troubles tells why saving or deleting did not work, and what can be done about it. */
function Troubles({ editor }: { editor: EditorControl }) {
  const { theirs, save, remove } = editor;
  if (theirs) {
    return (
      <Alert color="yellow" classNames={{ title: classes.dirty }} title="Somebody else changed this tracker meanwhile">
        <p className={classes.explanation}>It is at version {theirs.version} now. Nothing of yours is lost: put your changes on top of theirs, or take theirs.</p>
        <div className={classes.choices}>
          <Button size="compact-sm" onClick={editor.keepMine}>
            Keep my changes
          </Button>
          <Button size="compact-sm" variant="default" onClick={() => editor.adopt(theirs)}>
            Take theirs
          </Button>
        </div>
      </Alert>
    );
  }
  const error = save.error ?? remove.error;
  if (!error || (error instanceof Problem && (error.status === 412 || error.members.length > 0))) return null;
  return (
    <Alert color="red" title={save.error ? 'The tracker was not saved' : 'The tracker was not deleted'}>
      {error.message}
    </Alert>
  );
}
