package sip

import (
	"net/netip"
	"strconv"
	"testing"
	"time"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/stretchr/testify/require"
)

func TestParseReason(t *testing.T) {
	tests := map[string]struct {
		values []string
		want   reason
	}{
		"none":               {nil, reason{}},
		"Q.850":              {[]string{`Q.850;cause=16;text="Normal call clearing"`}, reason{16, "Normal call clearing"}},
		"both in one":        {[]string{`SIP;cause=200;text="Call completed elsewhere", q.850 ; cause=26`}, reason{26, "Call completed elsewhere"}},
		"both in two":        {[]string{"SIP;cause=487", "Q.850;cause=31"}, reason{31, ""}},
		"comma in text":      {[]string{`Q.850;cause=17;text="busy, try later"`}, reason{17, "busy, try later"}},
		"cause out of range": {[]string{"Q.850;cause=999"}, reason{}},
		"no number":          {[]string{"Q.850;cause=x;text"}, reason{}},
		"nonsense":           {[]string{`;;="`}, reason{}},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			req := sipmsg.NewRequest(sipmsg.BYE, sipmsg.Uri{Host: "h"})
			for _, v := range tt.values {
				req.AppendHeader(sipmsg.NewHeader("Reason", v))
			}
			require.Equal(t, tt.want, parseReason(req))
		})
	}
}

func TestRetryAfter(t *testing.T) {
	for value, want := range map[string]time.Duration{
		"": 0, "120": 2 * time.Minute, "18000;duration=3600": 5 * time.Hour, "5 (in a meeting)": 5 * time.Second,
		"-1": 0, "soon": 0, "99999999999999999999": 0,
	} {
		res := sipmsg.NewResponse(503, "x")
		if value != "" {
			res.AppendHeader(sipmsg.NewHeader("Retry-After", value))
		}
		require.Equal(t, want, retryAfter(res), value)
	}
}

func TestSplitList(t *testing.T) {
	for in, want := range map[string][]string{
		"": nil, " , ,": nil, "a": {"a"}, "a, b": {"a", "b"},
		`<sip:a,b@h>;lr, "x, \" y" <sip:c>`: {"<sip:a,b@h>;lr", `"x, \" y" <sip:c>`},
		`a, "unterminated, b`:               {"a", `"unterminated, b`},
		`>, <a`:                             {">", "<a"},
		`"\`:                                {`"\`},
	} {
		require.Equal(t, want, splitList(in), in)
	}
}

func TestBehindNAT(t *testing.T) {
	public, private := netip.MustParseAddr("198.51.100.7"), netip.MustParseAddr("10.0.0.2")
	require.True(t, behindNAT("192.168.1.5", public))
	require.True(t, behindNAT("0.0.0.0", private))
	require.False(t, behindNAT("192.168.1.5", private), "a private network is reached as it says")
	require.False(t, behindNAT("198.51.100.8", public))
	require.False(t, behindNAT("pbx.example.com", public))
}

func TestHostPort(t *testing.T) {
	for in, want := range map[string]string{
		"h": "h/0", "h:5080": "h/5080", "192.0.2.1": "192.0.2.1/0", "[2001:db8::1]:5060": "2001:db8::1/5060", "2001:db8::1": "2001:db8::1/0",
	} {
		host, port, err := hostPort(in)
		require.NoError(t, err)
		require.Equal(t, want, host+"/"+strconv.Itoa(port))
	}
	for _, in := range []string{"h:0", "h:x", ":5060", "h:65536"} {
		_, _, err := hostPort(in)
		require.ErrorIs(t, err, ErrInvalid, in)
	}
}

func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"", `Q.850;cause=16;text="x"`, `"\`, "<<>>,", "5 (x", ";;=;="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, value string) {
		req := sipmsg.NewRequest(sipmsg.BYE, sipmsg.Uri{Host: "h"})
		req.AppendHeader(sipmsg.NewHeader("Reason", value))
		req.AppendHeader(sipmsg.NewHeader("Retry-After", value))
		r := parseReason(req)
		require.True(t, r.q850 >= 0 && r.q850 <= 127)
		require.GreaterOrEqual(t, retryAfter(req), time.Duration(0))
		for _, part := range splitList(value) {
			require.NotEmpty(t, part)
		}
		if s, err := clean("x", value); err == nil {
			require.NotContains(t, s, "\r")
			require.NotContains(t, s, "\n")
		}
		if uri, err := parseURI("x", value); err == nil {
			require.NotContains(t, uri.String(), "\n")
		}
	})
}
