package attendant_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/attendant"
	"github.com/operatord/operatord/conversation"
)

func call(direction conversation.Direction, to string) conversation.Conversation {
	return conversation.New("1700000000000001", direction, conversation.ChannelSIP, "+49301", to, time.Now())
}

func newAttendant(t *testing.T, fallback string) *attendant.Attendant {
	t.Helper()
	a, err := attendant.New(attendant.Options{
		Profiles: []attendant.Profile{
			{Name: "general"},
			{Name: "sales", Greeting: "sales.wav", GreetingChannel: 1, HangupAfterGreeting: true},
			{Name: "city"},
			{Name: "reminder", VoicemailTracker: "Voice Message", VoicemailWindow: 8 * time.Second},
		},
		Routes: []attendant.Route{
			{Prefix: "+49", Profile: "general"},
			{Prefix: "+49 30", Profile: "city"},
			{Number: "+49 (30) 555-1", Profile: "sales"},
			{Number: "anna", Profile: "sales"},
		},
		Default: fallback,
	})
	require.NoError(t, err)
	return a
}

func TestRouting(t *testing.T) {
	tests := map[string]struct{ to, fallback, want string }{
		"exact number wins over prefixes":  {to: "+49305551", want: "sales"},
		"user of a SIP URI is compared":    {to: "sip:+49305551;phone-context=x@example.org", want: "sales"},
		"separators are ignored":           {to: "tel:+49-30-555.1", want: "sales"},
		"longer prefix wins":               {to: "+49305552", want: "city"},
		"shorter prefix takes the rest":    {to: "+4989111", want: "general"},
		"a name routes like a number":      {to: "sip:anna@example.org", want: "sales"},
		"default takes what no route does": {to: "+33123", fallback: "general", want: "general"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			plan, err := newAttendant(t, tt.fallback).Plan(call(conversation.Inbound, tt.to))
			require.NoError(t, err)
			require.Equal(t, tt.want, plan.Profile)
		})
	}
	t.Run("without a default an unknown number is not found", func(t *testing.T) {
		_, err := newAttendant(t, "").Plan(call(conversation.Inbound, "+33123"))
		require.ErrorIs(t, err, conversation.ErrNotFound)
	})
	t.Run("the profile a call names wins over routing", func(t *testing.T) {
		c := call(conversation.Outbound, "+49305551")
		c.Profile = "reminder"
		plan, err := newAttendant(t, "").Plan(c)
		require.NoError(t, err)
		require.Equal(t, "reminder", plan.Profile)
	})
	t.Run("an outbound call is not routed by the number it calls", func(t *testing.T) {
		plan, err := newAttendant(t, "general").Plan(call(conversation.Outbound, "+49305551"))
		require.NoError(t, err)
		require.Equal(t, "general", plan.Profile)
	})
	t.Run("a call that names an unknown profile is not found", func(t *testing.T) {
		c := call(conversation.Outbound, "+49305551")
		c.Profile = "gone"
		_, err := newAttendant(t, "general").Plan(c)
		require.ErrorIs(t, err, conversation.ErrNotFound)
	})
}

func TestPlan(t *testing.T) {
	plan, err := newAttendant(t, "").Plan(call(conversation.Inbound, "+49305551"))
	require.NoError(t, err)
	require.Equal(t, attendant.Prompt{File: "sales.wav", Channel: 1}, plan.Prompt)
	require.True(t, plan.HangupAfterPrompt)
}

func TestMachine(t *testing.T) {
	match := conversation.Match{Tracker: "Voice Message", Role: conversation.RoleCaller, StartMS: 7999}
	plan := func(direction conversation.Direction) attendant.Plan {
		c := call(direction, "+49305551")
		c.Profile = "reminder"
		plan, err := newAttendant(t, "").Plan(c)
		require.NoError(t, err)
		return plan
	}
	change := func(f func(*conversation.Match)) conversation.Match {
		changed := match
		f(&changed)
		return changed
	}
	outbound := plan(conversation.Outbound)
	require.True(t, outbound.Machine(match))
	require.False(t, plan(conversation.Inbound).Machine(match), "inbound calls have no answering machine")
	require.False(t, outbound.Machine(change(func(m *conversation.Match) { m.StartMS = 8000 })), "behind the window")
	require.False(t, outbound.Machine(change(func(m *conversation.Match) { m.Role = conversation.RoleAgent })), "our own prompt")
	require.False(t, outbound.Machine(change(func(m *conversation.Match) { m.Tracker = "Other" })), "another tracker")
	require.False(t, outbound.Machine(change(func(m *conversation.Match) { m.Provisional = true })), "not confirmed")
	require.False(t, attendant.Plan{}.Machine(conversation.Match{Role: conversation.RoleCaller}), "no tracker named")
}

func TestNewReportsEveryProblemWithItsKey(t *testing.T) {
	_, err := attendant.New(attendant.Options{
		Profiles: []attendant.Profile{
			{Name: "a"},
			{},
			{Name: "a"},
			{Name: "b", GreetingChannel: 2},
			{Name: "c", HangupAfterGreeting: true},
			{Name: "d", VoicemailWindow: -1},
		},
		Routes: []attendant.Route{
			{Number: "1", Profile: "a"},
			{Number: "1", Profile: "a"},
			{Prefix: "2", Profile: "a"},
			{Prefix: "2", Profile: "a"},
			{Profile: "a"},
			{Number: "3", Prefix: "3", Profile: "a"},
			{Number: "4", Profile: "missing"},
			{Number: "sip:", Profile: "a"},
			{Prefix: "sip:", Profile: "a"},
		},
		Default: "nobody",
	})
	require.ErrorIs(t, err, conversation.ErrInvalid)
	for _, key := range []string{
		"profiles[1].name", "profiles[2].name", "profiles[3].greeting_channel", "profiles[4].hangup_after_greeting",
		"profiles[5].voicemail_window", "routes[1].number", "routes[3].prefix", "routes[4].number", "routes[5].prefix",
		"routes[6].profile", "routes[7].number", "routes[8].prefix", `default: no profile named "nobody"`,
	} {
		require.ErrorContains(t, err, key)
	}
}

func FuzzNumber(f *testing.F) {
	for _, seed := range []string{"+49 30 1", "sip:a@b", "SIPS:+1;x@h", "tel:+1-2", "", "@", ";", "sip:", "- -"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, address string) {
		require.LessOrEqual(t, len(attendant.Number(address)), len(address))
	})
}
