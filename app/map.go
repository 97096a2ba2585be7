package app

import (
	"strings"

	"github.com/operatord/operatord/attendant"
	"github.com/operatord/operatord/config"
	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/dialer"
	"github.com/operatord/operatord/tracking"
	"github.com/operatord/operatord/webhook"
)

// listenOnly is the profile of calls that no route takes: answer, say nothing, listen.
const listenOnly = "listen"

// voicemailTracker names the tracker that tells an answering machine on outbound calls.
const voicemailTracker = "Voice Message"

func configured(trackers []config.Tracker) []tracking.Tracker {
	list := make([]tracking.Tracker, len(trackers))
	for i, t := range trackers {
		list[i] = tracking.Tracker{
			Name: t.Name, Description: t.Description, Vocabulary: t.Vocabulary, Threshold: t.Threshold,
			Role: conversation.Role(t.Role), Enabled: true,
		}
	}
	return list
}

func attendantOptions(cfg config.Config) attendant.Options {
	opts := attendant.Options{Default: listenOnly, Profiles: []attendant.Profile{{Name: listenOnly}}}
	for _, p := range cfg.Profiles {
		profile := attendant.Profile{
			Name: p.Name, Greeting: p.Greeting, GreetingChannel: p.GreetingChannel, HangupAfterGreeting: p.HangupAfterGreeting,
			AnswerAfter: p.AnswerAfter,
		}
		if p.Name == listenOnly {
			opts.Profiles = opts.Profiles[:0]
		}
		opts.Profiles = append(opts.Profiles, profile)
	}
	for i := range opts.Profiles {
		opts.Profiles[i].VoicemailTracker = voicemailTracker
		opts.Profiles[i].VoicemailWindow = cfg.Call.VoicemailWindow
	}
	for _, r := range cfg.Routes {
		prefix, isPrefix := strings.CutSuffix(r.To, "*")
		switch {
		case isPrefix && prefix == "":
			opts.Default = r.Profile
		case isPrefix:
			opts.Routes = append(opts.Routes, attendant.Route{Prefix: prefix, Profile: r.Profile})
		default:
			opts.Routes = append(opts.Routes, attendant.Route{Number: r.To, Profile: r.Profile})
		}
	}
	return opts
}

func schedules(cfg config.Config) []dialer.Schedule {
	list := make([]dialer.Schedule, len(cfg.Schedules))
	for i, s := range cfg.Schedules {
		list[i] = dialer.Schedule{
			Name: s.Name, Cron: s.Cron, TimeZone: s.TimeZone, To: s.To, From: s.From, Trunk: s.Trunk, Profile: s.Profile,
			Enabled: s.Enabled,
		}
	}
	return list
}

func endpoints(cfg config.Config) []webhook.Endpoint {
	list := make([]webhook.Endpoint, len(cfg.Webhooks))
	for i, w := range cfg.Webhooks {
		list[i] = webhook.Endpoint{Name: w.Name, URL: w.URL, Secrets: []string{w.Secret}}
		for _, e := range w.Events {
			list[i].Events = append(list[i].Events, conversation.EventType(e))
		}
	}
	return list
}
