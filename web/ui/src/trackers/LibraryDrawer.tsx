import { Alert, Button, CloseButton, Drawer, NativeSelect, Skeleton, TextInput } from '@mantine/core';
import { IconCheck, IconPlus, IconSearch } from '@tabler/icons-react';
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query';
import { useState } from 'react';

import { addFromLibrary, deleteTracker, listLibrary } from '../api/trackers';
import type { LibraryEntry } from '../api/types';
import { follow } from '../hooks';
import classes from './LibraryDrawer.module.css';
import { useToast } from './toast';

/** LibraryDrawer shows the trackers that come with the daemon; each can be added with one click. */
export function LibraryDrawer({ opened, onClose }: { opened: boolean; onClose: () => void }) {
  return (
    <Drawer opened={opened} onClose={onClose} position="right" size="lg" title={<span className={classes.title}>Library</span>} closeButtonProps={{ 'aria-label': 'Close' }}>
      <Library />
    </Drawer>
  );
}

function Library() {
  const query = useQuery({ queryKey: ['library'], queryFn: ({ signal }) => listLibrary(signal), refetchOnMount: 'always' });
  const [text, setText] = useState('');
  const [category, setCategory] = useState('');
  const wanted = text.trim().toLowerCase();
  const entries = (query.data ?? []).filter((e) => (category === '' || e.category === category) && mentions(e, wanted));
  const categories = [...new Set(query.data?.map((e) => e.category))].sort();
  return (
    <>
      <p className={classes.intro}>Ready trackers with phrases, exclusions and a policy. Each is yours to edit once it is added.</p>
      <div className={classes.filters}>
        <TextInput
          type="search"
          aria-label="Search the library"
          placeholder="Search the library"
          leftSection={<IconSearch size={16} />}
          rightSection={text !== '' && <CloseButton size="sm" aria-label="Clear the search" onClick={() => setText('')} />}
          value={text}
          onChange={(event) => setText(event.currentTarget.value)}
          className={classes.search}
        />
        <NativeSelect
          aria-label="Category of the library"
          value={category}
          onChange={(event) => setCategory(event.currentTarget.value)}
          data={[{ value: '', label: 'All' }, ...categories]}
        />
      </div>
      {query.isPending && <Skeleton height={300} radius="md" />}
      {query.isError && <Alert color="red">{query.error.message}</Alert>}
      {query.isSuccess && entries.length === 0 && <p className={classes.intro}>Nothing in the library has that.</p>}
      <ul className={classes.list}>
        {entries.map((entry) => (
          <Entry key={entry.name} entry={entry} />
        ))}
      </ul>
    </>
  );
}

const mentions = (e: LibraryEntry, text: string): boolean =>
  text === '' || [e.name, e.description ?? '', ...e.vocabulary].some((words) => words.toLowerCase().includes(text));

function Entry({ entry }: { entry: LibraryEntry }) {
  const queries = useQueryClient();
  const toast = useToast();
  const refresh = () => {
    void queries.invalidateQueries({ queryKey: ['trackers'] });
    void queries.invalidateQueries({ queryKey: ['library'] });
  };
  const remove = useMutation({
    mutationFn: ({ id, version }: { id: string; version: number }) => deleteTracker(id, version),
    onSuccess: refresh,
    onError: (error) => toast({ message: error.message }),
  });
  const add = useMutation({
    mutationFn: () => addFromLibrary(entry.name),
    onSuccess: (added) => {
      refresh();
      toast({ message: `Added ${added.name}.`, undo: () => remove.mutate(added) });
    },
    onError: (error) => toast({ message: `${entry.name} was not added: ${error.message}` }),
  });
  const [tracker] = entry.trackers;
  return (
    <li className={classes.entry}>
      <div className={classes.head}>
        <h3>{entry.name}</h3>
        <span className={classes.category}>{entry.category}</span>
        {tracker === undefined ? (
          <Button size="compact-sm" variant="light" leftSection={<IconPlus size={15} />} loading={add.isPending} onClick={() => add.mutate()} aria-label={`Add ${entry.name}`}>
            Add
          </Button>
        ) : (
          <a href={`/trackers/${tracker}`} onClick={follow} className={classes.added}>
            <IconCheck size={15} /> Added
          </a>
        )}
      </div>
      <p>{entry.description}</p>
      <details>
        <summary>{entry.vocabulary.length} phrases</summary>
        <ul>
          {entry.vocabulary.map((phrase) => (
            <li key={phrase}>{phrase}</li>
          ))}
        </ul>
      </details>
    </li>
  );
}
