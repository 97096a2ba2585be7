import { Button, Center, Paper, PasswordInput, Stack, Text, Title } from '@mantine/core';
import { useQuery } from '@tanstack/react-query';
import { useState, type ReactNode } from 'react';

import { getSystem, Problem, setToken, token } from '../api/client';

/** TokenGate asks for the access token if the daemon wants one; it is kept for this browser session only. */
export function TokenGate({ children }: { children: ReactNode }) {
  const { error, refetch, isPending, failureCount } = useQuery({ queryKey: ['system'], queryFn: ({ signal }) => getSystem(signal) });
  const [value, setValue] = useState('');
  if (isPending && failureCount === 0) return null;
  if (!(error instanceof Problem && error.status === 401)) return children;

  return (
    <Center h="100%" p="md">
      <Paper
        component="form"
        withBorder
        p="xl"
        w="24rem"
        maw="100%"
        onSubmit={(event) => {
          event.preventDefault();
          setToken(value.trim());
          void refetch();
        }}
      >
        <Stack>
          <Title order={1} size="h3">
            operatord
          </Title>
          <Text c="dimmed" size="sm">
            This daemon is protected. Its access token is in the configuration under <code>http.token</code>.
          </Text>
          <PasswordInput
            label="Access token"
            autoComplete="current-password"
            value={value}
            error={token() === null ? undefined : 'The daemon did not accept this token.'}
            onChange={(event) => setValue(event.currentTarget.value)}
          />
          <Button type="submit" disabled={value.trim() === ''}>
            Continue
          </Button>
        </Stack>
      </Paper>
    </Center>
  );
}
