package e2e

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/operatord/operatord/conversation"
	"github.com/operatord/operatord/softphone"
)

func TestCallBySIPp(t *testing.T) {
	d := start(t, "asr: {enabled: false}")
	w := d.watch()
	for transport, mode := range map[string]string{"udp": "u1", "tcp": "t1"} {
		t.Run(transport, func(t *testing.T) {
			file, err := filepath.Abs("testdata/call.xml")
			require.NoError(t, err)
			service := "over-" + transport
			run(t, t.TempDir(), "sipp", "-sf", file, "-i", "127.0.0.1", "-m", "1", "-nostdin", "-timeout", "20s", "-timeout_error",
				"-t", mode, "-s", service, d.addrs["sip_"+transport]).requireSuccess()
			end := w.ended(10*time.Second, service)
			require.Equal(t, conversation.Completed, end.Status)
			require.Equal(t, "sipp", end.From)
			require.InDelta(t, 2000, end.DurationMS, 300)
		})
	}
}

// TestCallByBaresip lets a softphone of another make say a sample call.
func TestCallByBaresip(t *testing.T) {
	d := start(t, "")
	w := d.watch()
	sample := loadSample(t, "balance-enquiry")
	dir := t.TempDir()
	settings := fmt.Sprintf("module_path /usr/lib/baresip/modules\nmodule g711.so\nmodule aufile.so\nmodule_app account.so\nmodule_app menu.so\n"+
		"sip_listen 127.0.0.1:0\nnet_interface 127.0.0.1\naudio_player aufile,%s\naudio_source aufile,%s\naudio_alert aufile,/dev/null\n",
		filepath.Join(dir, "heard.wav"), mono(t, sample.wav(t)))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config"), []byte(settings), 0o600))
	account := "<sip:baresip@127.0.0.1>;regint=0;audio_codecs=PCMU\n"
	require.NoError(t, os.WriteFile(filepath.Join(dir, "accounts"), []byte(account), 0o600))
	run(t, dir, "baresip", "-f", dir, "-t", "20", "-e", "/dial sip:1001@"+d.addrs["sip_udp"])

	end := w.ended(50*time.Second, "baresip")
	require.Equal(t, conversation.Completed, end.Status)
	var stored struct{ Items []conversation.Utterance }
	w.analysis(end.ID)
	d.get("/api/v1/conversations/"+string(end.ID)+"/utterances", &stored)
	require.NotEmpty(t, stored.Items)
	require.Contains(t, stored.Items[0].Text, "account balance")
}

func TestCallerHangsUpBeforeTheAnswer(t *testing.T) {
	d := start(t, "asr: {enabled: false}\nprofiles: [{name: slow, answer_after: 30s}]\nroutes: [{to: '*', profile: slow}]")
	w := d.watch()
	result, err := softphone.Call(t.Context(), softphone.CallOptions{
		Target: "sip:" + d.addrs["sip_udp"], To: "1001", From: "impatient", RingTimeout: time.Second,
	})
	require.NoError(t, err)
	require.False(t, result.Answered)
	end := w.ended(10*time.Second, "impatient")
	require.Equal(t, conversation.Failed, end.Status)
	require.Equal(t, conversation.CauseCallerCancelled, end.Cause)
	require.Contains(t, w.analysis(end.ID).Summary, "impatient")
}

// TestGarbageIsDroppedAndCounted sends the daemon what is neither SIP nor RTP in the middle of a call.
func TestGarbageIsDroppedAndCounted(t *testing.T) {
	d := start(t, "asr: {enabled: false}")
	w := d.watch()
	conn, err := net.Dial("udp", d.addrs["sip_udp"])
	require.NoError(t, err)
	defer conn.Close()
	for i := range 500 {
		_, err := fmt.Fprintf(conn, "%d GARBAGE \x00\xff\r\n\r\n", i)
		require.NoError(t, err)
	}
	result, err := softphone.Call(t.Context(), softphone.CallOptions{
		Target: "sip:" + d.addrs["sip_udp"], To: "1001", From: "polite", Talk: softphone.Talk{Duration: time.Second},
	})
	require.NoError(t, err)
	require.True(t, result.Answered)
	require.Equal(t, conversation.Completed, w.ended(10*time.Second, "polite").Status)
	require.Positive(t, d.metric("operatord_sip_dropped_total"))
}
