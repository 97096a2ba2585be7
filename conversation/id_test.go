package conversation_test

import (
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
)

func TestIDsAreUniqueAndOrderedUnderConcurrency(t *testing.T) {
	const workers, each = 8, 500
	var ids conversation.IDs
	var wg sync.WaitGroup
	made := make([][]conversation.ID, workers)
	for w := range workers {
		wg.Go(func() {
			for range each {
				made[w] = append(made[w], ids.Next(start))
			}
		})
	}
	wg.Wait()
	seen := map[conversation.ID]bool{}
	for _, list := range made {
		for i, id := range list {
			require.False(t, seen[id], "twice: %s", id)
			seen[id] = true
			require.True(t, i == 0 || list[i-1] < id)
			_, err := conversation.ParseID(string(id))
			require.NoError(t, err)
		}
	}
}

func TestIDsFollowTheClockAndNeverGoBack(t *testing.T) {
	var ids conversation.IDs
	first := ids.Next(start)
	require.Equal(t, conversation.ID("1767323045000000"), first)
	require.Greater(t, ids.Next(start.Add(-time.Hour)), first)
	require.Equal(t, conversation.ID("1767323046000000"), ids.Next(start.Add(time.Second)))
}

func TestParseID(t *testing.T) {
	for name, bad := range map[string]string{
		"empty": "", "short": "123", "letters": "176732304500000x", "sign": "-767323045000000",
		"above 2^53": "9007199254740992", "long": strings.Repeat("1", 17),
	} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, err := conversation.ParseID(bad)
			require.ErrorIs(t, err, conversation.ErrInvalid)
		})
	}
	id, err := conversation.ParseID("9007199254740991")
	require.NoError(t, err)
	require.Equal(t, conversation.ID("9007199254740991"), id)
}
