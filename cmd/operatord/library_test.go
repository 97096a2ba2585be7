package main

import (
	"bytes"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/api"
	"github.com/operatord/operatord/api/apitest"
)

// library runs "operatord trackers library …" against a daemon and returns what it prints.
func library(t *testing.T, server string, args ...string) (string, error) {
	t.Helper()
	t.Setenv("OPERATORD_SERVER_URL", server)
	var out, diagnostics bytes.Buffer
	err := run(t.Context(), append([]string{"trackers"}, args...), &out, &diagnostics)
	return out.String(), err
}

func TestLibraryCommands(t *testing.T) {
	d := apitest.New()
	s, err := api.New(api.Options{Conversations: d, Feed: d, Trackers: d.Trackers, Health: d})
	require.NoError(t, err)
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	must := func(args ...string) string {
		out, err := library(t, server.URL, args...)
		require.NoError(t, err, args)
		return out
	}

	listed := must("library", "list", "--category", "telephony")
	require.Contains(t, listed, "Voice Message")
	require.NotContains(t, listed, "Cancellation")
	require.NotContains(t, listed, "yes")

	must("library", "add", "Voice Message", "Cancellation")
	require.Contains(t, must("library", "list", "--category", "telephony"), "yes")
	_, err = library(t, server.URL, "library", "add", "Voice Message")
	require.ErrorContains(t, err, "409")

	require.Contains(t, must("library", "diff", "Cancellation"), `identical with "Cancellation"`)
	must("set", "Cancellation", "--add-phrase", "stop my gym membership", "--remove-phrase", "cancel everything", "--threshold", "0.7")
	changed := must("library", "diff", "Cancellation")
	require.Contains(t, changed, "+ stop my gym membership\n")
	require.Contains(t, changed, "- cancel everything\n")
	require.Contains(t, changed, "-> 0.7\n")

	undone := must("library", "reset", "Cancellation")
	require.Contains(t, undone, "version 3\n")
	require.Contains(t, undone, "+ stop my gym membership\n")
	require.Contains(t, must("library", "diff", "Cancellation"), "identical")

	must("add", "Mine", "--phrase", "my own words")
	_, err = library(t, server.URL, "library", "diff", "Mine")
	require.ErrorContains(t, err, "not made from the library")
}
