package sip

import (
	"strconv"

	sipmsg "github.com/emiago/sipgo/sip"
	"github.com/prometheus/client_golang/prometheus"
)

// Why a packet or connection was dropped before it became a request.
const (
	dropAddress   = "address"   // its source is neither allowed nor a peer of ours
	dropGarbage   = "garbage"   // it does not begin like a SIP message
	dropMalformed = "malformed" // the parser refused it
	dropUnmatched = "unmatched" // a response to nothing we sent
	dropOverload  = "overload"  // too many TCP connections
)

type metrics struct {
	requests *prometheus.CounterVec
	dropped  *prometheus.CounterVec
	dialogs  prometheus.Gauge
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "operatord_sip_requests_total",
			Help: "SIP requests that got their final response, by direction, method and class of the response.",
		}, []string{"direction", "method", "class"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "operatord_sip_dropped_total",
			Help: "Packets and connections dropped before they became a SIP request, by reason.",
		}, []string{"reason"}),
		dialogs: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "operatord_sip_dialogs",
			Help: "Open SIP dialogs, early ones included.",
		}),
	}
	for _, reason := range []string{dropAddress, dropGarbage, dropMalformed, dropUnmatched, dropOverload} {
		m.dropped.WithLabelValues(reason)
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.requests, m.dropped, m.dialogs} {
		if err := reg.Register(c); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *metrics) drop(reason string) { m.dropped.WithLabelValues(reason).Inc() }

// served counts a request of a peer and our final response to it.
func (m *metrics) served(method sipmsg.RequestMethod, code int) {
	m.requests.WithLabelValues("in", methodLabel(method), classLabel(code)).Inc()
}

// sent counts a request of ours and its final response. Code 0 means that none came.
func (m *metrics) sent(method sipmsg.RequestMethod, code int) {
	m.requests.WithLabelValues("out", methodLabel(method), classLabel(code)).Inc()
}

// methodLabel bounds the label: anyone can invent methods.
func methodLabel(method sipmsg.RequestMethod) string {
	switch method {
	case sipmsg.INVITE, sipmsg.ACK, sipmsg.CANCEL, sipmsg.BYE, sipmsg.REGISTER, sipmsg.OPTIONS, sipmsg.SUBSCRIBE,
		sipmsg.NOTIFY, sipmsg.REFER, sipmsg.INFO, sipmsg.MESSAGE, sipmsg.PRACK, sipmsg.UPDATE, sipmsg.PUBLISH:
		return method.String()
	}
	return "other"
}

func classLabel(code int) string {
	if code < 100 || code > 699 {
		return "none"
	}
	return strconv.Itoa(code/100) + "xx"
}
