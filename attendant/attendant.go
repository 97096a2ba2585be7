// Package attendant decides what the operator says and does on a call: which profile answers a number, what is played,
// whether the operator hangs up afterwards and when a recognised answering machine ends the call.
//
// It holds data and pure functions. It plays nothing and ends nothing itself; package call carries its plans out.
package attendant

import (
	"errors"
	"fmt"
	"time"

	"github.com/operatord/operatord/conversation"
)

// Profile is one way of handling a call.
type Profile struct {
	Name string
	// Greeting is the path of the WAV file played once the call is answered; empty plays nothing and only listens.
	Greeting string
	// GreetingChannel is the channel of Greeting that is played: 0 is the first (left), 1 the second (right).
	GreetingChannel int
	// AnswerAfter is how long an inbound call rings before it is answered.
	AnswerAfter time.Duration
	// HangupAfterGreeting ends the call when the greeting has been played to its end.
	HangupAfterGreeting bool
	// VoicemailTracker names the tracker whose match tells an answering machine; empty never looks for one.
	VoicemailTracker string
	// VoicemailWindow is how long after the answer a match of VoicemailTracker counts; 0 never looks for a machine.
	VoicemailWindow time.Duration
}

// Route gives a called number, or every number with a prefix, to a profile. Exactly one of Number and Prefix is set.
type Route struct {
	Number  string
	Prefix  string
	Profile string
}

// Options are the parts of an Attendant.
type Options struct {
	Profiles []Profile
	Routes   []Route
	// Default names the profile of calls that no route takes; empty refuses them.
	Default string
}

// Attendant picks a profile for each call. It never changes after New and is safe for concurrent use.
type Attendant struct {
	profiles map[string]Profile
	routes   table
	fallback string
}

// New returns an attendant, or every problem of opts at once, each with the key path at fault.
func New(opts Options) (*Attendant, error) {
	a := &Attendant{profiles: make(map[string]Profile, len(opts.Profiles)), fallback: opts.Default}
	var problems []error
	for i, p := range opts.Profiles {
		if err := a.addProfile(p); err != nil {
			problems = append(problems, fmt.Errorf("profiles[%d].%w", i, err))
		}
	}
	for i, r := range opts.Routes {
		if err := a.addRoute(r); err != nil {
			problems = append(problems, fmt.Errorf("routes[%d].%w", i, err))
		}
	}
	if _, found := a.profiles[opts.Default]; opts.Default != "" && !found {
		problems = append(problems, fmt.Errorf("default: no profile named %q", opts.Default))
	}
	if len(problems) > 0 {
		return nil, fmt.Errorf("%w attendant settings: %w", conversation.ErrInvalid, errors.Join(problems...))
	}
	return a, nil
}

func (a *Attendant) addProfile(p Profile) error {
	switch _, taken := a.profiles[p.Name]; {
	case p.Name == "":
		return errors.New("name: required")
	case taken:
		return fmt.Errorf("name: %q is used twice", p.Name)
	case p.GreetingChannel < 0 || p.GreetingChannel > 1:
		return fmt.Errorf("greeting_channel: %d is neither 0 (left) nor 1 (right)", p.GreetingChannel)
	case p.HangupAfterGreeting && p.Greeting == "":
		return errors.New("hangup_after_greeting: there is no greeting to hang up after")
	case p.AnswerAfter < 0:
		return fmt.Errorf("answer_after: %s is negative", p.AnswerAfter)
	case p.VoicemailWindow < 0:
		return fmt.Errorf("voicemail_window: %s is negative", p.VoicemailWindow)
	}
	a.profiles[p.Name] = p
	return nil
}

func (a *Attendant) addRoute(r Route) error {
	if _, found := a.profiles[r.Profile]; !found {
		return fmt.Errorf("profile: no profile named %q", r.Profile)
	}
	return a.routes.add(r)
}

// Profile returns the profile of a call: the one c names (as an outbound call does), else the one its called number is
// routed to, else the default. It returns an error matching ErrNotFound if there is none: such a call is to be refused.
func (a *Attendant) Profile(c conversation.Conversation) (Profile, error) {
	name := c.Profile
	if name == "" && c.Direction == conversation.Inbound {
		name = a.routes.lookup(Number(c.To))
	}
	if name == "" {
		name = a.fallback
	}
	if name == "" {
		return Profile{}, fmt.Errorf("no profile takes calls to %q: %w", c.To, conversation.ErrNotFound)
	}
	p, found := a.profiles[name]
	if !found {
		return Profile{}, fmt.Errorf("profile %q: %w", name, conversation.ErrNotFound)
	}
	return p, nil
}

// Plan returns what the operator does on call c. It returns an error matching ErrNotFound if no profile takes the call.
func (a *Attendant) Plan(c conversation.Conversation) (Plan, error) {
	p, err := a.Profile(c)
	if err != nil {
		return Plan{}, err
	}
	plan := Plan{
		Profile:           p.Name,
		Prompt:            Prompt{File: p.Greeting, Channel: p.GreetingChannel},
		HangupAfterPrompt: p.HangupAfterGreeting,
		AnswerAfter:       p.AnswerAfter,
	}
	if c.Direction == conversation.Outbound {
		plan.voicemailTracker, plan.voicemailWindow = p.VoicemailTracker, p.VoicemailWindow
	}
	return plan, nil
}
