import { initialState, reduce, type Action, type State } from './reducer';

/** Store holds the state for React's useSyncExternalStore. */
export class Store {
  private state: State = initialState;
  private readonly listeners = new Set<() => void>();

  readonly getState = (): State => this.state;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  readonly dispatch = (action: Action): void => {
    const next = reduce(this.state, action);
    if (next === this.state) return;
    this.state = next;
    this.listeners.forEach((listener) => listener());
  };
}
