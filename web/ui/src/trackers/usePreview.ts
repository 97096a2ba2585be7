import { useDebouncedValue } from '@mantine/hooks';
import { keepPreviousData, useQuery } from '@tanstack/react-query';

import { previewTracker } from '../api/trackers';
import type { Tracker, TrackerContent } from '../api/types';
import { contentOf, type Draft } from './draft';

/** How long typing must pause before past calls are asked. */
const pauseMS = 400;

/** usePreview matches a draft against past calls while it is typed. */
export function usePreview(draft: Draft, tracker: Tracker | undefined) {
  const { vocabulary, threshold, role, exclusions, negative_examples, stance } = contentOf(draft);
  const tried: Partial<TrackerContent> & { id?: string } = {
    id: tracker?.id, languages: tracker?.languages, alerts_per_hour: tracker?.alerts_per_hour, // what the form does not show
    vocabulary, threshold, role, exclusions, negative_examples, stance,
  };
  const [body] = useDebouncedValue(JSON.stringify(tried), pauseMS);
  const { data, error, isFetching } = useQuery({
    queryKey: ['preview', body],
    queryFn: ({ signal }) => previewTracker(JSON.parse(body) as typeof tried, signal),
    enabled: vocabulary.length > 0 && !body.includes('"vocabulary":[]'),
    placeholderData: keepPreviousData,
    retry: false,
    gcTime: 60_000,
  });
  return { data: vocabulary.length > 0 ? data : undefined, error: vocabulary.length > 0 ? error : null, busy: isFetching || body !== JSON.stringify(tried) };
}

export type PreviewState = ReturnType<typeof usePreview>;
