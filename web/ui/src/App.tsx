import { createTheme, MantineProvider, type MantineColorsTuple } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';

import { Problem } from './api/client';
import { Page } from './components/Page';
import { TokenGate } from './components/TokenGate';
import { LiveProvider } from './live/LiveProvider';

const iris: MantineColorsTuple = [
  '#eef0fe', '#dadffb', '#b2bbf3', '#8894ec', '#6674e6', '#5260e2', '#4c5fd5', '#3847c0', '#303fad', '#25359a',
];

const dark: MantineColorsTuple = [
  '#d6dbe3', '#b4bcc8', '#939dab', '#6c7685', '#3c4553', '#2b323d', '#20262f', '#171c23', '#10141a', '#0b0e13',
];

const theme = createTheme({
  primaryColor: 'iris',
  colors: { iris, dark },
  fontFamily: "'Inter Variable', system-ui, -apple-system, 'Segoe UI', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'SF Mono', 'Cascadia Mono', 'DejaVu Sans Mono', monospace",
  defaultRadius: 'md',
  cursorType: 'pointer',
});

const queries = new QueryClient({
  defaultOptions: {
    queries: {
      // What the daemon refused, it will refuse again.
      retry: (failures, error) => failures < 3 && !(error instanceof Problem && error.status < 500),
      refetchOnWindowFocus: false,
      staleTime: 30_000,
    },
  },
});

export function App() {
  return (
    <MantineProvider theme={theme} defaultColorScheme="auto">
      <QueryClientProvider client={queries}>
        <TokenGate>
          <LiveProvider>
            <Page />
          </LiveProvider>
        </TokenGate>
      </QueryClientProvider>
    </MantineProvider>
  );
}
