package webrtc

import (
	"fmt"
	"strings"

	"github.com/pion/sdp/v3"
	pion "github.com/pion/webrtc/v4"
)

// maxCandidates bounds the candidates of one fragment; a browser has one per network interface and transport.
const maxCandidates = 64

// trickle adds the candidates of a fragment to the leg's peer connection.
func (l *Leg) trickle(body string) error {
	f, err := parseFragment(body)
	if err != nil {
		return err
	}
	if f.ufrag != "" && f.ufrag != remoteUfrag(l.peer.pc) {
		return errRestart
	}
	for _, c := range f.candidates {
		if err := l.peer.pc.AddICECandidate(c); err != nil {
			return fmt.Errorf("%w: %w", errTrickle, err)
		}
	}
	return nil
}

// remoteUfrag returns the user name fragment of the browser's offer, wherever it stands in it (RFC 8839 section 5.4).
func remoteUfrag(pc *pion.PeerConnection) string {
	var offer sdp.SessionDescription
	if err := offer.UnmarshalString(pc.RemoteDescription().SDP); err != nil {
		return ""
	}
	if ufrag, found := offer.Attribute("ice-ufrag"); found {
		return ufrag
	}
	for _, m := range offer.MediaDescriptions {
		if ufrag, found := m.Attribute("ice-ufrag"); found {
			return ufrag
		}
	}
	return ""
}

// fragment is the part of a session description that a trickling browser sends (RFC 8840 section 9).
type fragment struct {
	ufrag      string
	candidates []pion.ICECandidateInit
}

// parseFragment reads a fragment. Lines it has no use for are skipped.
func parseFragment(body string) (fragment, error) {
	var f fragment
	var mid *string
	for line := range strings.Lines(body) {
		line = strings.TrimRight(line, "\r\n")
		name, value, _ := strings.Cut(line, ":")
		switch {
		case line == "":
		case len(line) < 2 || line[1] != '=':
			return fragment{}, fmt.Errorf("%w: line %q", errTrickle, truncate(line))
		case strings.HasPrefix(line, "m="):
			mid = nil
		case name == "a=mid":
			mid = &value
		case name == "a=ice-ufrag":
			f.ufrag = value
		case name == "a=candidate":
			f.candidates = append(f.candidates, newCandidate(value, mid))
		}
		if len(f.candidates) > maxCandidates {
			return fragment{}, fmt.Errorf("%w: more than %d candidates", errTrickle, maxCandidates)
		}
	}
	return f, nil
}

// newCandidate returns a candidate of a media section. Without one it belongs to the first, with which all others are
// bundled.
func newCandidate(value string, mid *string) pion.ICECandidateInit {
	c := pion.ICECandidateInit{Candidate: "candidate:" + value, SDPMid: mid}
	if mid == nil {
		first := uint16(0)
		c.SDPMLineIndex = &first
	}
	return c
}

func truncate(s string) string { return s[:min(len(s), 64)] }
