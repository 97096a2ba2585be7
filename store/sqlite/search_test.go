package sqlite_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/store"
)

func FuzzSearchTextIsNeverAnError(f *testing.F) {
	for _, seed := range []string{"", "order", "ord*", "*", "**a*b*", `"`, `a" OR "b`, "NEAR(a b, 2)", "text: a", "^a - b + c", "a\x00b", "\xff", "🙂", "一二"} {
		f.Add(seed)
	}
	b := driver.New(f)
	f.Fuzz(func(t *testing.T, text string) {
		for _, query := range []store.Query{{Text: text}, {From: text}, {Tracker: text}} {
			_, err := b.Store.ListConversations(t.Context(), query)
			require.NoError(t, err)
		}
	})
}
