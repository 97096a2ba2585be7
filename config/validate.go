package config

import (
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"
)

// validate returns every rule c breaks.
func (c *Config) validate() Errors {
	var p Errors
	c.validateServers(&p)
	c.validateLimits(&p)
	c.validateTrunks(&p)
	c.validateTrackers(&p)
	c.validateProfiles(&p)
	c.validateSchedules(&p)
	c.validateWebhooks(&p)
	return p
}

func (c *Config) validateServers(p *Errors) {
	p.required("data_dir", c.DataDir)
	p.oneOf("log.level", c.Log.Level, "debug", "info", "warn", "error")
	p.oneOf("log.format", c.Log.Format, "text", "json")
	if p.listenAddress("http.listen", c.HTTP.Listen) && c.HTTP.Token == "" && !loopback(c.HTTP.Listen) {
		p.add("http.token", "required because http.listen (%s) is not a loopback address", c.HTTP.Listen)
	}
	for key, address := range map[string]string{"sip.tcp": c.SIP.TCP, "sip.udp": c.SIP.UDP} {
		if address != "" {
			p.listenAddress(key, address)
		}
	}
	if c.WebRTC.Enabled {
		p.listenAddress("webrtc.udp", c.WebRTC.UDP)
		p.between("webrtc.max_sessions", c.WebRTC.MaxSessions, 1, 100_000)
	}
	p.between("sip.max_calls", c.SIP.MaxCalls, 1, 100_000)
	p.between("media.port_min", c.Media.PortMin, 1024, 65_534)
	p.between("media.port_max", c.Media.PortMax, 1024, 65_535)
	if c.Media.PortMax < c.Media.PortMin+2 {
		p.add("media.port_max", "must be at least 2 above media.port_min (%d)", c.Media.PortMin)
	}
	if len(c.Media.Codecs) == 0 {
		p.add("media.codecs", "required")
	}
	for i, codec := range c.Media.Codecs {
		p.oneOf(fmt.Sprintf("media.codecs[%d]", i), codec, "opus", "PCMU", "PCMA")
	}
}

func (c *Config) validateLimits(p *Errors) {
	p.duration("media.initial_timeout", c.Media.InitialTimeout, time.Second, time.Hour)
	p.duration("media.timeout", c.Media.Timeout, time.Second, time.Hour)
	p.duration("call.ring_timeout", c.Call.RingTimeout, time.Second, 5*time.Minute)
	p.duration("call.max_duration", c.Call.MaxDuration, time.Second, 24*time.Hour)
	p.duration("call.voicemail_window", c.Call.VoicemailWindow, 0, time.Minute)
	p.duration("call.drain_timeout", c.Call.DrainTimeout, 0, 24*time.Hour)
	p.duration("asr.end_of_speech", c.ASR.EndOfSpeech, 300*time.Millisecond, 2*time.Second)
	p.duration("asr.partial_interval", c.ASR.PartialInterval, 200*time.Millisecond, time.Minute)
	p.between("asr.workers", c.ASR.Workers, 0, 1024)
	p.required("asr.model", c.ASR.Model)
	p.required("asr.vad_model", c.ASR.VADModel)
	p.required("tracking.encoder", c.Tracking.Encoder)
}

func (c *Config) validateTrunks(p *Errors) {
	names := uniqueNames{list: "sip.trunks"}
	for i, t := range c.SIP.Trunks {
		key := fmt.Sprintf("sip.trunks[%d]", i)
		names.check(p, i, t.Name)
		p.required(key+".host", t.Host)
		p.oneOf(key+".transport", t.Transport, "udp", "tcp")
		if t.Password != "" && t.Username == "" {
			p.add(key+".username", "required with a password")
		}
	}
}

func (c *Config) validateTrackers(p *Errors) {
	names := uniqueNames{list: "tracking.trackers"}
	for i, t := range c.Tracking.Trackers {
		key := fmt.Sprintf("tracking.trackers[%d]", i)
		names.check(p, i, t.Name)
		if len(t.Vocabulary) == 0 {
			p.add(key+".vocabulary", "required")
		}
		if t.Threshold < 0 || t.Threshold > 1 {
			p.add(key+".threshold", "must be between 0 and 1, is %g", t.Threshold)
		}
		p.oneOf(key+".role", t.Role, "", "caller", "agent")
	}
}

func (c *Config) validateProfiles(p *Errors) {
	names := uniqueNames{list: "profiles"}
	for i, profile := range c.Profiles {
		names.check(p, i, profile.Name)
		p.between(fmt.Sprintf("profiles[%d].greeting_channel", i), profile.GreetingChannel, 0, 1)
		p.duration(fmt.Sprintf("profiles[%d].answer_after", i), profile.AnswerAfter, 0, 2*time.Minute)
	}
	for i, r := range c.Routes {
		p.required(fmt.Sprintf("routes[%d].to", i), r.To)
		p.profile(c, fmt.Sprintf("routes[%d].profile", i), r.Profile)
	}
}

func (c *Config) validateSchedules(p *Errors) {
	names := uniqueNames{list: "schedules"}
	for i, s := range c.Schedules {
		key := fmt.Sprintf("schedules[%d]", i)
		names.check(p, i, s.Name)
		p.required(key+".cron", s.Cron)
		p.required(key+".to", s.To)
		if _, err := time.LoadLocation(s.TimeZone); err != nil {
			p.add(key+".time_zone", "unknown time zone %q", s.TimeZone)
		}
		if s.Trunk != "" && !slices.ContainsFunc(c.SIP.Trunks, func(t Trunk) bool { return t.Name == s.Trunk }) {
			p.add(key+".trunk", "there is no trunk %q", s.Trunk)
		}
		if s.Trunk == "" && s.To != "" && !strings.HasPrefix(s.To, "sip:") {
			p.add(key+".to", "want a SIP URI (sip:user@host), or a number together with a trunk")
		}
		if s.Profile != "" {
			p.profile(c, key+".profile", s.Profile)
		}
	}
}

func (c *Config) validateWebhooks(p *Errors) {
	names := uniqueNames{list: "webhooks"}
	for i, w := range c.Webhooks {
		key := fmt.Sprintf("webhooks[%d]", i)
		names.check(p, i, w.Name)
		u, err := url.Parse(w.URL)
		if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			p.add(key+".url", "want an http or https URL, got %q", w.URL)
		}
		if !strings.HasPrefix(w.Secret, "whsec_") {
			p.add(key+".secret", "want whsec_ and base64, as Standard Webhooks secrets are written")
		}
		if len(w.Events) == 0 {
			p.add(key+".events", "required")
		}
	}
}

func (p *Errors) required(key, value string) {
	if value == "" {
		p.add(key, "required")
	}
}

func (p *Errors) oneOf(key, value string, allowed ...string) {
	if !slices.Contains(allowed, value) {
		p.add(key, "must be one of %s, is %q", strings.Join(slices.DeleteFunc(slices.Clone(allowed), func(s string) bool { return s == "" }), ", "), value)
	}
}

func (p *Errors) between(key string, value, low, high int) {
	if value < low || value > high {
		p.add(key, "must be between %d and %d, is %d", low, high, value)
	}
}

func (p *Errors) duration(key string, value, low, high time.Duration) {
	if value < low || value > high {
		p.add(key, "must be between %s and %s, is %s", low, high, value)
	}
}

func (p *Errors) profile(c *Config, key, name string) {
	if !slices.ContainsFunc(c.Profiles, func(profile Profile) bool { return profile.Name == name }) {
		p.add(key, "there is no profile %q", name)
	}
}

// listenAddress checks host:port with a literal address and reports whether it is one.
func (p *Errors) listenAddress(key, value string) bool {
	host, port, err := net.SplitHostPort(value)
	if err != nil {
		p.add(key, "want address:port, got %q", value)
		return false
	}
	if n, err := strconv.Atoi(port); err != nil || n < 0 || n > 65_535 {
		p.add(key, "port must be between 0 and 65535, is %q", port)
		return false
	}
	if _, err := netip.ParseAddr(host); err != nil && host != "" && host != "localhost" {
		p.add(key, "want an IP address before the port, got %q", host)
		return false
	}
	return true
}

// loopback reports whether only this machine can reach a valid listening address.
func loopback(address string) bool {
	host, _, _ := net.SplitHostPort(address)
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || (err == nil && ip.IsLoopback())
}

// uniqueNames checks the names of one list.
type uniqueNames struct {
	list string
	seen map[string]int
}

func (u *uniqueNames) check(p *Errors, i int, name string) {
	key := fmt.Sprintf("%s[%d].name", u.list, i)
	if name == "" {
		p.add(key, "required")
		return
	}
	if first, taken := u.seen[name]; taken {
		p.add(key, "%q is taken by %s[%d]", name, u.list, first)
		return
	}
	if u.seen == nil {
		u.seen = map[string]int{}
	}
	u.seen[name] = i
}
