import type { ReactNode } from 'react';
import { useQuery } from '@tanstack/react-query';

import { listRecommendations } from '../api/trackers';
import { follow } from '../hooks';
import classes from './Section.module.css';

/** Section is a page of trackers with its heading: the trackers themselves, or the recommendations. */
export function Section({ page, actions, children }: { page: 'list' | 'recommendations'; actions?: ReactNode; children: ReactNode }) {
  const { data } = useQuery({ queryKey: ['recommendations'], queryFn: ({ signal }) => listRecommendations(signal) });
  const open = data?.items.length ?? 0;
  return (
    <main className={classes.page}>
      <div className={classes.inner}>
        <div className={classes.head}>
          <h1>Trackers</h1>
          <div className={classes.actions}>{actions}</div>
        </div>
        <nav className={classes.tabs} aria-label="Trackers">
          <a href="/trackers" onClick={follow} aria-current={page === 'list' ? 'page' : undefined}>
            Your trackers
          </a>
          <a href="/trackers/recommendations" onClick={follow} aria-current={page === 'recommendations' ? 'page' : undefined}>
            Recommendations {open > 0 && <span className={classes.count}>{open}</span>}
          </a>
        </nav>
        {children}
      </div>
    </main>
  );
}
