package conversation

import (
	"slices"
	"time"
)

// Direction says who placed the call.
type Direction string

// The directions of a conversation, seen from the daemon.
const (
	Inbound  Direction = "inbound"
	Outbound Direction = "outbound"
)

// Channel says by which way a conversation reached the daemon.
type Channel string

// The channels of a conversation.
const (
	ChannelSIP    Channel = "sip"
	ChannelWebRTC Channel = "webrtc"
	ChannelAudio  Channel = "audio"
	ChannelVideo  Channel = "video"
	ChannelText   Channel = "text"
	ChannelStream Channel = "stream"
)

// Role says which side of a conversation a participant is on.
type Role string

// RoleCaller is the customer whichever side dialled; RoleAgent is the operator's side: a prompt, the attendant or a person.
const (
	RoleCaller Role = "caller"
	RoleAgent  Role = "agent"
)

// Party names who ended a conversation.
type Party string

// The parties that can end a conversation. PartyRemote is the other end of the leg, PartyOperator our side of the call
// and PartySystem the daemon itself (a timeout, a shutdown, a fault).
const (
	PartyRemote   Party = "remote"
	PartyOperator Party = "operator"
	PartySystem   Party = "system"
)

// Cause is a stable, machine-readable reason why a conversation ended. Reason carries the same as a sentence.
type Cause string

// The causes of an end. A cause never depends on the wording a peer used; the peer's code is kept beside it.
const (
	CauseNormal          Cause = "normal"           // hung up by either side after it was answered
	CauseCallerCancelled Cause = "caller_cancelled" // the caller gave up before the answer
	CauseBusy            Cause = "busy"             // 486 or 600
	CauseNoAnswer        Cause = "no_answer"        // ring timeout, 408 or 480
	CauseDeclined        Cause = "declined"         // 603, 607 or 608
	CauseBadNumber       Cause = "bad_number"       // 404, 410, 484 or 604
	CauseTrunkAuth       Cause = "trunk_auth"       // 401, 403 or 407
	CauseCodec           Cause = "codec"            // 488, or no codec in common
	CauseSetupError      Cause = "setup_error"      // any other failure before the answer
	CauseMediaTimeout    Cause = "media_timeout"    // no RTP for longer than the limit
	CauseMaxDuration     Cause = "max_duration"     // the configured longest call
	CauseVoicemail       Cause = "voicemail"        // an answering machine was recognised
	CauseShutdown        Cause = "shutdown"         // the daemon was stopped
	CauseNodeRestart     Cause = "node_restart"     // the daemon died in mid-call and closed the record when it came back
	CauseInternal        Cause = "internal_error"   // a fault of the daemon
)

// Conversation is one exchange with a customer. Its zero value is not useful; start with New.
type Conversation struct {
	ID           ID                `json:"id"`
	Direction    Direction         `json:"direction"`
	Channel      Channel           `json:"channel"`
	Status       Status            `json:"status"`
	From         string            `json:"from"` // calling number or address-of-record
	To           string            `json:"to"`   // called number or address-of-record
	Profile      string            `json:"profile,omitempty"`
	Node         string            `json:"node,omitempty"`
	SIPCallID    string            `json:"sip_call_id,omitempty"`
	CreatedAt    time.Time         `json:"created_at"`
	AnsweredAt   *time.Time        `json:"answered_at,omitempty"`
	EndedAt      *time.Time        `json:"ended_at,omitempty"`
	DurationMS   int64             `json:"duration_ms"` // from answer to end; 0 until it has ended or when it was never answered
	EndedBy      Party             `json:"ended_by,omitempty"`
	Cause        Cause             `json:"cause,omitempty"`
	SIPCode      int               `json:"sip_code,omitempty"`   // final response code that ended the set-up
	Q850Cause    int               `json:"q850_cause,omitempty"` // from a Reason header (RFC 3326)
	Reason       string            `json:"reason,omitempty"`     // one plain sentence: why it ended
	Transferred  bool              `json:"transferred"`
	Participants []Participant     `json:"participants,omitempty"`
	Refs         map[string]string `json:"refs,omitempty"` // external references such as crm_contact, campaign, schedule
	Tags         []string          `json:"tags,omitempty"` // given by trackers, each once
	Recording    *Recording        `json:"recording,omitempty"`
	Degraded     []string          `json:"degraded,omitempty"` // what did not work on this call, one sentence each
	Analysis     *Analysis         `json:"analysis,omitempty"` // set once post-call work is done
}

// Participant is one speaker of a conversation.
type Participant struct {
	Role    Role   `json:"role"`
	Name    string `json:"name,omitempty"`
	Address string `json:"address,omitempty"`
}

// Recording describes the stereo recording of a conversation: left is the caller, right the agent.
type Recording struct {
	File       string `json:"file"` // name inside the recordings folder
	SampleRate int    `json:"sample_rate"`
	DurationMS int64  `json:"duration_ms"`
}

// New returns a queued conversation created at the given time.
func New(id ID, direction Direction, channel Channel, from, to string, at time.Time) Conversation {
	return Conversation{
		ID: id, Direction: direction, Channel: channel, Status: Queued, From: from, To: to, CreatedAt: at.UTC(),
		Participants: []Participant{{Role: RoleCaller, Address: remoteAddress(direction, from, to)}, {Role: RoleAgent}},
	}
}

// remoteAddress returns the customer's address: who called us, or whom we called.
func remoteAddress(direction Direction, from, to string) string {
	if direction == Outbound {
		return to
	}
	return from
}

// Tag gives c a tag and reports whether it is new. Copies of c keep the tags they had.
func (c *Conversation) Tag(tag string) bool {
	if slices.Contains(c.Tags, tag) {
		return false
	}
	c.Tags = append(slices.Clip(c.Tags), tag)
	return true
}

// End describes how a conversation ended; Conversation.Finish applies it.
type End struct {
	Status    Status
	By        Party
	Cause     Cause
	SIPCode   int
	Q850Cause int
	Reason    string
}

// Answer moves c from queued to in-progress at the given time. It returns ErrTransition if c is in another state.
func (c *Conversation) Answer(at time.Time) error {
	if err := c.transition(InProgress); err != nil {
		return err
	}
	at = at.UTC()
	c.AnsweredAt = &at
	return nil
}

// Finish moves c to the terminal status of end. It returns ErrTransition if the status machine does not allow that.
func (c *Conversation) Finish(end End, at time.Time) error {
	if !end.Status.Terminal() {
		return &TransitionError{From: c.Status, To: end.Status, Direction: c.Direction}
	}
	if err := c.transition(end.Status); err != nil {
		return err
	}
	at = at.UTC()
	c.EndedAt = &at
	if c.AnsweredAt != nil {
		c.DurationMS = max(0, at.Sub(*c.AnsweredAt).Milliseconds())
	}
	c.EndedBy, c.Cause, c.SIPCode, c.Q850Cause, c.Reason = end.By, end.Cause, end.SIPCode, end.Q850Cause, end.Reason
	return nil
}
