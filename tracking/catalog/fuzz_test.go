package catalog_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/tracking/catalog"
)

// FuzzDecode checks that no JSON makes Decode or Patch fail in any other way than by member errors.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"name":"a","vocabulary":["b"]}`, `{"stance":{"negation":null},"actions":[{"type":"alert"}]}`, `[]`, `null`, `{"actions":[1,null,[]]}`,
		`{"vocabulary":[[]],"threshold":1e999}`, "{\"name\":\"\xff\"}", `{"enabled":0,"alerts_per_hour":9223372036854775808}`,
	} {
		f.Add([]byte(seed))
	}
	base := tracking.Tracker{Name: "n", Vocabulary: []string{"v"}, Stance: tracking.Stance{Question: "ignore"}, Enabled: true}
	f.Fuzz(func(t *testing.T, data []byte) {
		if _, err := catalog.Decode(data); err != nil {
			require.NotEmpty(t, tracking.MemberErrors(err))
			require.ErrorIs(t, err, conversation.ErrInvalid)
		}
		if _, err := catalog.Patch(base, data); err != nil {
			require.NotEmpty(t, tracking.MemberErrors(err))
		}
	})
}

// FuzzParse checks that no file makes Parse fail in any other way, and that what it reads survives an export.
func FuzzParse(f *testing.F) {
	for _, seed := range []string{
		"trackers:\n- name: a\n  vocabulary: [b, 'c: d']\n", "- {name: a}\n", "a: &x [*x]\n", "? [1]\n: 2\n", "--- |\n",
		"name,vocabulary\na,\"b\nc\"\n", "name,phrase,threshold\na,b,0.5\n", "name\n\"", `{"trackers":[{"name":"a"}]}`,
	} {
		for format := range byte(3) {
			f.Add(format, []byte(seed))
		}
	}
	formats := []catalog.Format{catalog.YAML, catalog.CSV, catalog.JSON}
	f.Fuzz(func(t *testing.T, n byte, data []byte) {
		format := formats[int(n)%len(formats)]
		contents, err := catalog.Parse(format, data)
		if err != nil {
			require.NotEmpty(t, tracking.MemberErrors(err))
			return
		}
		c := newCatalog(t, catalog.Options{})
		var trackers []tracking.Tracker
		for _, content := range contents {
			if made, err := c.Create(t.Context(), "fuzz", content); err == nil {
				trackers = append(trackers, made)
			}
		}
		var file bytes.Buffer
		require.NoError(t, catalog.Export(&file, format, trackers))
		again, err := catalog.Parse(format, file.Bytes())
		require.NoError(t, err, "%s", file.String())
		require.Len(t, again, len(trackers))
		for i := range again {
			require.Empty(t, catalog.Changed(catalog.ContentOf(trackers[i]), again[i]), "%s", file.String())
		}
	})
}
