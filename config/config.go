// Package config reads the daemon's configuration: one YAML file, environment overrides, and files that hold secrets.
//
// It owns the types, the defaults, the validation and the commented reference file (reference.yaml, printed by
// `operatord config default`). It knows nothing of the packages that are configured; app maps its types to their options.
package config

import (
	_ "embed"
	"net/netip"
	"time"
)

// Reference is the commented reference file. It holds every setting at its default.
//
//go:embed reference.yaml
var Reference string

// Bundled as the value of a model setting means the model inside the binary.
const Bundled = "bundled"

// Config is the whole configuration. Start with Default; a zero value is not a default.
type Config struct {
	Node      string     `yaml:"node"`
	DataDir   string     `yaml:"data_dir"`
	Log       Log        `yaml:"log"`
	HTTP      HTTP       `yaml:"http"`
	SIP       SIP        `yaml:"sip"`
	WebRTC    WebRTC     `yaml:"webrtc"`
	Media     Media      `yaml:"media"`
	Call      Call       `yaml:"call"`
	ASR       ASR        `yaml:"asr"`
	Tracking  Tracking   `yaml:"tracking"`
	Profiles  []Profile  `yaml:"profiles"`
	Routes    []Route    `yaml:"routes"`
	Schedules []Schedule `yaml:"schedules"`
	Webhooks  []Webhook  `yaml:"webhooks"`
}

// Log says what is logged and how.
type Log struct {
	Level  string `yaml:"level"`
	Format string `yaml:"format"`
}

// HTTP is the listener of the API, the page, WHIP and the metrics.
type HTTP struct {
	Listen    string `yaml:"listen"`
	Token     string `yaml:"token"`
	TokenFile string `yaml:"token_file"`
}

// SIP holds the listeners, who may call, and the trunks.
type SIP struct {
	UDP           string         `yaml:"udp"`
	TCP           string         `yaml:"tcp"`
	AdvertiseHost string         `yaml:"advertise_host"`
	Allow         []netip.Prefix `yaml:"allow"`
	MaxCalls      int            `yaml:"max_calls"`
	Trunks        []Trunk        `yaml:"trunks"`
}

// Trunk is a SIP provider or PBX that calls are placed through.
type Trunk struct {
	Name         string `yaml:"name"`
	Host         string `yaml:"host"`
	Transport    string `yaml:"transport"`
	Username     string `yaml:"username"`
	Password     string `yaml:"password"`
	PasswordFile string `yaml:"password_file"`
	From         string `yaml:"from"`
}

// WebRTC is the door for browsers.
type WebRTC struct {
	Enabled         bool         `yaml:"enabled"`
	UDP             string       `yaml:"udp"`
	PublicAddresses []netip.Addr `yaml:"public_addresses"`
	MaxSessions     int          `yaml:"max_sessions"`
}

// Media is RTP.
type Media struct {
	PortMin        int           `yaml:"port_min"`
	PortMax        int           `yaml:"port_max"`
	Codecs         []string      `yaml:"codecs"`
	InitialTimeout time.Duration `yaml:"initial_timeout"`
	Timeout        time.Duration `yaml:"timeout"`
}

// Call holds the limits and the recording of calls.
type Call struct {
	RingTimeout     time.Duration `yaml:"ring_timeout"`
	MaxDuration     time.Duration `yaml:"max_duration"`
	VoicemailWindow time.Duration `yaml:"voicemail_window"`
	Record          bool          `yaml:"record"`
	DrainTimeout    time.Duration `yaml:"drain_timeout"`
}

// ASR is speech recognition.
type ASR struct {
	Enabled         bool          `yaml:"enabled"`
	Model           string        `yaml:"model"`
	VADModel        string        `yaml:"vad_model"`
	Workers         int           `yaml:"workers"`
	EndOfSpeech     time.Duration `yaml:"end_of_speech"`
	PartialInterval time.Duration `yaml:"partial_interval"`
}

// Tracking is tracker detection.
type Tracking struct {
	Encoder        string    `yaml:"encoder"`
	SampleTrackers bool      `yaml:"sample_trackers"`
	Trackers       []Tracker `yaml:"trackers"`
}

// Tracker is a tracker kept in the file.
type Tracker struct {
	Name        string   `yaml:"name"`
	Description string   `yaml:"description"`
	Vocabulary  []string `yaml:"vocabulary"`
	Threshold   float64  `yaml:"threshold"`
	Role        string   `yaml:"role"`
}

// Profile is what the operator does on a call.
type Profile struct {
	Name                string        `yaml:"name"`
	Greeting            string        `yaml:"greeting"`
	GreetingChannel     int           `yaml:"greeting_channel"`
	HangupAfterGreeting bool          `yaml:"hangup_after_greeting"`
	AnswerAfter         time.Duration `yaml:"answer_after"`
}

// Route gives called numbers a profile.
type Route struct {
	To      string `yaml:"to"`
	Profile string `yaml:"profile"`
}

// Schedule places a call at every time a cron expression names.
type Schedule struct {
	Name     string `yaml:"name"`
	Cron     string `yaml:"cron"`
	TimeZone string `yaml:"time_zone"`
	To       string `yaml:"to"`
	From     string `yaml:"from"`
	Trunk    string `yaml:"trunk"`
	Profile  string `yaml:"profile"`
	Enabled  bool   `yaml:"enabled"`
}

// Webhook is an endpoint that events are delivered to.
type Webhook struct {
	Name       string   `yaml:"name"`
	URL        string   `yaml:"url"`
	Secret     string   `yaml:"secret"`
	SecretFile string   `yaml:"secret_file"`
	Events     []string `yaml:"events"`
}

// Default returns the configuration that holds when the file says nothing.
func Default() Config {
	return Config{
		DataDir: "data",
		Log:     Log{Level: "info", Format: "text"},
		HTTP:    HTTP{Listen: "127.0.0.1:8080"},
		SIP: SIP{
			UDP: "127.0.0.1:5060", TCP: "127.0.0.1:5060", MaxCalls: 200,
			Allow: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")},
		},
		WebRTC: WebRTC{Enabled: true, UDP: "127.0.0.1:0", MaxSessions: 100},
		Media: Media{
			PortMin: 16384, PortMax: 32766, Codecs: []string{"opus", "PCMU", "PCMA"},
			InitialTimeout: 30 * time.Second, Timeout: 30 * time.Second,
		},
		Call: Call{
			RingTimeout: 30 * time.Second, MaxDuration: 2 * time.Hour, VoicemailWindow: 12 * time.Second,
			Record: true, DrainTimeout: 10 * time.Second,
		},
		ASR: ASR{
			Enabled: true, Model: Bundled, VADModel: Bundled,
			EndOfSpeech: 600 * time.Millisecond, PartialInterval: time.Second,
		},
		Tracking: Tracking{Encoder: Bundled, SampleTrackers: true},
	}
}

// newElement returns the defaults of one element of a list, so that a list entry may leave members out.
func newElement(list string) any {
	switch list {
	case "sip.trunks":
		return Trunk{Transport: "udp"}
	case "schedules":
		return Schedule{TimeZone: "UTC", Enabled: true}
	case "webhooks":
		return Webhook{Events: []string{"tracker.matched", "conversation.completed"}}
	}
	return nil
}
