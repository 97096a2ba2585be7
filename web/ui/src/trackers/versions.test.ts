import { expect, it } from 'vitest';

import { phraseChanges, savedBy } from './versions';

it('phrase changes are what came and went', () => {
  expect(phraseChanges(['a', 'b'], ['b', 'c'])).toEqual([{ kind: 'added', phrase: 'c' }, { kind: 'removed', phrase: 'a' }]);
});

it('authors that are not known are named', () => {
  expect([savedBy({ updated_by: 'page' }), savedBy({ updated_by: 'sync' }), savedBy({})]).toEqual(['on this page', 'by sync', '']);
});
