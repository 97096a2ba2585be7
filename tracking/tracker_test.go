package tracking_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/tracking"
)

func TestValidateNamesTheMember(t *testing.T) {
	valid := func() tracking.Tracker {
		return tracking.Tracker{Name: "Cancellation", Vocabulary: []string{"cancel my contract"}}
	}
	ok := valid()
	require.NoError(t, ok.Validate())

	for name, test := range map[string]struct {
		spoil func(*tracking.Tracker)
		want  string
	}{
		"name empty":          {func(t *tracking.Tracker) { t.Name = " " }, "name: is empty"},
		"name too long":       {func(t *tracking.Tracker) { t.Name = strings.Repeat("é", 201) }, "name: longer than 200 characters"},
		"name with a newline": {func(t *tracking.Tracker) { t.Name = "a\nb" }, "name: holds control characters"},
		"no phrase":           {func(t *tracking.Tracker) { t.Vocabulary = nil }, "vocabulary: has no phrase"},
		"too many phrases":    {func(t *tracking.Tracker) { t.Vocabulary = make([]string, 501) }, "vocabulary: more than 500"},
		"phrase empty":        {func(t *tracking.Tracker) { t.Vocabulary = []string{"a", ""} }, "vocabulary[1]: is empty"},
		"phrase without word": {func(t *tracking.Tracker) { t.Vocabulary = []string{"?!"} }, "vocabulary[0]: has no word"},
		"phrase twice":        {func(t *tracking.Tracker) { t.Vocabulary = []string{"Stop  it", "go", "stop it"} }, "vocabulary[2]: repeats vocabulary[0]"},
		"phrase in brackets":  {func(t *tracking.Tracker) { t.Vocabulary = []string{"stop (it)"} }, "vocabulary[0]: holds a parenthesis"},
		"phrase not UTF-8":    {func(t *tracking.Tracker) { t.Vocabulary = []string{"stop \xff"} }, "vocabulary[0]: holds control characters or is not UTF-8"},
		"threshold too high":  {func(t *tracking.Tracker) { t.Threshold = 1.1 }, "threshold: not between 0 and 1"},
		"threshold NaN":       {func(t *tracking.Tracker) { t.Threshold = math.NaN() }, "threshold: not between"},
		"role unknown":        {func(t *tracking.Tracker) { t.Role = "boss" }, `role: "boss" is not caller or agent`},
		"category empty":      {func(t *tracking.Tracker) { t.Categories = []string{""} }, "categories[0]: is empty"},
		"description long":    {func(t *tracking.Tracker) { t.Description = strings.Repeat("x", 2001) }, "description: longer than"},
	} {
		t.Run(name, func(t *testing.T) {
			tracker := valid()
			test.spoil(&tracker)
			err := tracker.Validate()
			require.ErrorIs(t, err, conversation.ErrInvalid)
			require.ErrorContains(t, err, test.want)
		})
	}
	t.Run("every problem is reported", func(t *testing.T) {
		bad := tracking.Tracker{Threshold: 2}
		require.ErrorContains(t, bad.Validate(), "name: is empty")
		require.ErrorContains(t, bad.Validate(), "threshold")
	})
}

func TestValidateSet(t *testing.T) {
	tracker := func(name string) tracking.Tracker { return tracking.Tracker{Name: name, Vocabulary: []string{"a"}} }
	require.NoError(t, tracking.ValidateSet(nil))
	require.NoError(t, tracking.ValidateSet([]tracking.Tracker{tracker("Refund"), tracker("refund")}), "names are case-sensitive")
	err := tracking.ValidateSet([]tracking.Tracker{tracker("Refund"), tracker("Refund")})
	require.ErrorIs(t, err, conversation.ErrConflict)
	require.ErrorIs(t, err, conversation.ErrInvalid)
	require.ErrorContains(t, err, "trackers[1].name")
	require.ErrorContains(t, tracking.ValidateSet([]tracking.Tracker{tracker("a"), {}}), "trackers[1]: invalid name: is empty")
	require.ErrorIs(t, tracking.ValidateSet(make([]tracking.Tracker, 501)), conversation.ErrInvalid)
}

func TestSamplesAreValidAndKeepTheirForm(t *testing.T) {
	samples := tracking.Samples()
	require.Len(t, samples, 10)
	require.NoError(t, tracking.ValidateSet(samples))
	content, err := json.Marshal(samples)
	require.NoError(t, err)
	var again []tracking.Tracker
	require.NoError(t, json.Unmarshal(content, &again))
	require.Equal(t, samples, again)
}

func TestMemberErrorsFindsAllBehindAWrappedJoin(t *testing.T) {
	err := tracking.ValidateSet([]tracking.Tracker{{Name: "", Vocabulary: nil, Threshold: 2}})
	var members []string
	for _, e := range tracking.MemberErrors(err) {
		members = append(members, e.Member)
	}
	require.ElementsMatch(t, []string{"name", "vocabulary", "threshold"}, members)
}
