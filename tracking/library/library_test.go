package library_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/library"
)

// Bounds on the library as a whole and on each entry.
const (
	leastEntries = 40
	leastPhrases = 10
	mostPhrases  = 30
)

func TestEntriesAreAValidSet(t *testing.T) {
	entries := library.Entries()
	require.GreaterOrEqual(t, len(entries), leastEntries)
	require.NoError(t, tracking.ValidateSet(entries))
	for _, e := range entries {
		require.NotEmpty(t, e.Description, e.Name)
		require.Equal(t, e.Name, e.Library)
		require.True(t, e.Enabled)
		require.GreaterOrEqual(t, len(e.Vocabulary), leastPhrases, e.Name)
		require.LessOrEqual(t, len(e.Vocabulary), mostPhrases, e.Name)
	}
}

func TestCategories(t *testing.T) {
	require.Equal(t, []string{"compliance", "quality", "retention", "sales", "support", "telephony"}, library.Categories())
}

func TestNoPhraseStandsForTwoEntries(t *testing.T) {
	owner := map[string]string{}
	for _, e := range library.Entries() {
		for _, phrase := range e.Vocabulary {
			key := strings.ToLower(phrase)
			require.Empty(t, owner[key], "%q of %s", phrase, e.Name)
			owner[key] = e.Name
		}
	}
}

func TestEntry(t *testing.T) {
	e, err := library.Entry("Voice Message")
	require.NoError(t, err)
	require.Equal(t, []string{"telephony"}, e.Categories)

	_, err = library.Entry("voice message")
	require.ErrorIs(t, err, conversation.ErrNotFound, "names are case-sensitive")
}

func TestWhatIsReturnedBelongsToTheCaller(t *testing.T) {
	library.Entries()[0].Vocabulary[0] = "changed"
	require.NotEqual(t, "changed", library.Entries()[0].Vocabulary[0])
}
