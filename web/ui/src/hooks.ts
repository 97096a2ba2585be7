import { useCallback, useEffect, useState, useSyncExternalStore } from 'react';

/** useNow returns the time, once a second while it matters. */
export function useNow(ticking = true): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    if (!ticking) return;
    const timer = window.setInterval(() => setNow(Date.now()), 1000);
    return () => window.clearInterval(timer);
  }, [ticking]);
  return now;
}

const onNavigation = (listener: () => void) => {
  window.addEventListener('popstate', listener);
  return () => window.removeEventListener('popstate', listener);
};

const selectedInAddress = () => /^\/conversations\/(\d{16})$/.exec(window.location.pathname)?.[1];

/** addressOf is the page's address with a conversation selected, or none. */
export const addressOf = (id: string | undefined): string => (id === undefined ? '/' : `/conversations/${id}`);

/** useSelection returns the conversation that the address names, and a function to go to another. */
export function useSelection(): [string | undefined, (id: string | undefined) => void] {
  const selected = useSyncExternalStore(onNavigation, selectedInAddress);
  const select = useCallback((id: string | undefined) => {
    if (selectedInAddress() === id) return;
    window.history.pushState(null, '', addressOf(id));
    window.dispatchEvent(new PopStateEvent('popstate'));
  }, []);
  return [selected, select];
}
