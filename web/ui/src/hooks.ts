import { useCallback, useEffect, useState, useSyncExternalStore, type MouseEvent } from 'react';

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

const path = () => window.location.pathname;

/** usePath returns the path of the page's address. */
export const usePath = (): string => useSyncExternalStore(onNavigation, path);

/** navigate goes to another path of the page; with replace, Back skips the present one. */
export function navigate(to: string, replace = false): void {
  if (to === window.location.pathname + window.location.search) return;
  window.history[replace ? 'replaceState' : 'pushState'](null, '', to);
  window.dispatchEvent(new PopStateEvent('popstate'));
}

/** follow makes a link go to its address within the page, unless it is to open in another window. */
export function follow(event: MouseEvent<HTMLAnchorElement>): void {
  if (event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
  event.preventDefault();
  navigate(event.currentTarget.pathname + event.currentTarget.search);
}

const selectedInAddress = () => /^\/conversations\/(\d{16})$/.exec(window.location.pathname)?.[1];

/** addressOf is the page's address with a conversation selected, or none. */
export const addressOf = (id: string | undefined): string => (id === undefined ? '/' : `/conversations/${id}`);

/** useSelection returns the conversation that the address names, and a function to go to another. */
export function useSelection(): [string | undefined, (id: string | undefined) => void] {
  const selected = useSyncExternalStore(onNavigation, selectedInAddress);
  const select = useCallback((id: string | undefined) => navigate(addressOf(id)), []);
  return [selected, select];
}
