package config_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/config"
)

// write puts text into a configuration file of its own folder and returns its path.
func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "operatord.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// problemsOf loads the file and returns the keys it complains about.
func problemsOf(t *testing.T, path string, environ ...string) map[string]string {
	t.Helper()
	_, err := config.Load(path, environ)
	var problems config.Errors
	require.ErrorAs(t, err, &problems)
	keys := map[string]string{}
	for _, p := range problems {
		keys[p.Key] = p.Message
	}
	return keys
}

func keys(m map[string]string) []string {
	var list []string
	for k := range m {
		list = append(list, k)
	}
	return list
}

func TestReferenceFileHoldsTheDefaults(t *testing.T) {
	path := write(t, config.Reference)
	c, err := config.Load(path, nil)
	require.NoError(t, err)
	want := config.Default()
	want.Node, want.DataDir = c.Node, filepath.Join(filepath.Dir(path), want.DataDir)
	require.Equal(t, want, c)
}

// TestReferenceExamplesAreValid loads the reference file with its commented examples switched on.
func TestReferenceExamplesAreValid(t *testing.T) {
	text := config.Reference
	for _, list := range []string{"trunks", "trackers", "profiles", "routes", "schedules", "webhooks"} {
		text = strings.Replace(text, list+": []", list+":", 1)
	}
	text = strings.ReplaceAll(text, "\n# - ", "\n- ")
	text = strings.ReplaceAll(text, "\n#   ", "\n  ")
	text = strings.ReplaceAll(text, "\n  # - ", "\n  - ")
	text = strings.ReplaceAll(text, "\n  #   ", "\n    ")
	text = strings.ReplaceAll(text, "whsec_…", "whsec_AAAA")
	c, err := config.Load(write(t, text), nil)
	require.NoError(t, err)
	require.Equal(t, "carrier", c.SIP.Trunks[0].Name)
	require.Equal(t, "welcome", c.Routes[0].Profile)
	require.True(t, c.Schedules[0].Enabled)
	require.Len(t, c.Tracking.Trackers[0].Vocabulary, 2)
}

func TestEveryProblemIsReportedWithItsKey(t *testing.T) {
	for file, want := range map[string][]string{
		"unknown-keys.yaml": {"htttp", "http.listn", "sip.trunks[0].pasword"},
		"wrong-types.yaml": {
			"http", "sip.max_calls", "sip.allow[0]", "sip.trunks", "media.timeout", "asr.enabled", "log.level",
		},
		"rules.yaml": {
			"http.token", "log.level", "sip.udp", "sip.trunks[0].transport", "sip.trunks[1].name", "sip.trunks[1].host",
			"sip.trunks[2].name", "sip.trunks[2].username", "media.port_max", "media.codecs[0]", "asr.end_of_speech",
			"tracking.trackers[0].vocabulary", "tracking.trackers[0].threshold", "routes[0].profile",
			"schedules[0].time_zone", "schedules[0].to", "webhooks[0].url", "webhooks[0].secret",
		},
	} {
		t.Run(file, func(t *testing.T) {
			require.ElementsMatch(t, want, keys(problemsOf(t, filepath.Join("testdata", file))))
		})
	}
}

func TestTelephoneNumbersStayAsWritten(t *testing.T) {
	for _, number := range []string{"1001", "0301234567", "+15550100", "1_000", "0x10", "1e3", "5.50", "&n 030", "'1001'"} {
		c, err := config.Load(write(t, "profiles: [{name: a}]\nroutes: [{to: "+number+", profile: a}]"), nil)
		require.NoError(t, err)
		require.Equal(t, strings.Trim(strings.TrimPrefix(number, "&n "), "'"), c.Routes[0].To)
	}
	c, err := config.Load(write(t, "media: {codecs: [PCMU]}\nsip: {max_calls: 12}\nschedules: [{name: s, cron: 0 9 * * *, to: sip:a@b, from: 030}]"), nil)
	require.NoError(t, err)
	require.Equal(t, 12, c.SIP.MaxCalls)
	require.Equal(t, "030", c.Schedules[0].From)
}

func TestEnvironment(t *testing.T) {
	t.Run("overrides scalars, lists and elements of lists", func(t *testing.T) {
		path := write(t, "sip: {trunks: [{name: a, host: h, username: u}]}\nhttp: {listen: 127.0.0.1:1}")
		c, err := config.Load(path, []string{
			"OPERATORD_HTTP_LISTEN=127.0.0.1:9", "OPERATORD_SIP_TRUNKS_0_PASSWORD=p", "OPERATORD_SIP_ALLOW=10.0.0.0/8, 192.168.0.0/16",
			"OPERATORD_MEDIA_CODECS=PCMA", "OPERATORD_CALL_MAX_DURATION=5m", "OPERATORD_ASR_ENABLED=false", "PATH=/bin",
		})
		require.NoError(t, err)
		require.Equal(t, "127.0.0.1:9", c.HTTP.Listen)
		require.Equal(t, "p", c.SIP.Trunks[0].Password)
		require.Equal(t, "192.168.0.0/16", c.SIP.Allow[1].String())
		require.Equal(t, []string{"PCMA"}, c.Media.Codecs)
		require.Equal(t, 5*time.Minute, c.Call.MaxDuration)
		require.False(t, c.ASR.Enabled)
	})
	t.Run("misspelt and malformed variables are reported", func(t *testing.T) {
		got := problemsOf(t, "", "OPERATORD_HTPP_LISTEN=x", "OPERATORD_MEDIA_TIMEOUT=soon", "OPERATORD_SIP_ALLOW=10.0.0.0/8,x")
		require.ElementsMatch(t, []string{"OPERATORD_HTPP_LISTEN", "OPERATORD_MEDIA_TIMEOUT", "OPERATORD_SIP_ALLOW"}, keys(got))
	})
}

func TestSecretsFromFiles(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "token"), []byte("s3cret\n"), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "empty"), nil, 0o600))
	load := func(text string) string {
		path := filepath.Join(dir, "c.yaml")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	t.Run("are read relative to the configuration file and trimmed", func(t *testing.T) {
		c, err := config.Load(load("http: {listen: '0.0.0.0:80', token_file: token}"), nil)
		require.NoError(t, err)
		require.Equal(t, "s3cret", c.HTTP.Token)
	})
	t.Run("missing, empty and doubled ones are problems", func(t *testing.T) {
		require.Contains(t, problemsOf(t, load("http: {token_file: gone}")), "http.token_file")
		require.Contains(t, problemsOf(t, load("http: {token_file: empty}")), "http.token_file")
		require.Contains(t, problemsOf(t, load("http: {token: x, token_file: token}")), "http.token_file")
	})
}

func TestFilesThatAreNoConfiguration(t *testing.T) {
	for name, text := range map[string]string{"broken YAML": "a: [", "a tab": "a:\n\t- b", "a bare word": "hello"} {
		t.Run(name+" is refused", func(t *testing.T) {
			_, err := config.Load(write(t, text), nil)
			require.Error(t, err)
		})
	}
	t.Run("an empty file is the default", func(t *testing.T) {
		_, err := config.Load(write(t, ""), nil)
		require.NoError(t, err)
	})
	t.Run("a missing file is named", func(t *testing.T) {
		_, err := config.Load("/does/not/exist.yaml", nil)
		require.ErrorContains(t, err, "/does/not/exist.yaml")
	})
}

func FuzzLoad(f *testing.F) {
	f.Add(config.Reference)
	f.Add("sip: {trunks: [{name: a}, 3, {}]}")
	f.Add("http: {listen: ':x'}\n? [a]\n: b")
	path := filepath.Join(f.TempDir(), "c.yaml")
	f.Fuzz(func(t *testing.T, text string) {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		c, err := config.Load(path, nil)
		if err == nil {
			require.NotEmpty(t, c.DataDir)
		}
	})
}
