package sip

import (
	"net/netip"
	"slices"
	"strings"
	"sync"

	sipmsg "github.com/emiago/sipgo/sip"
)

// dialog is the state that a peer relationship needs to make and check requests (RFC 3261 section 12).
// It is safe for concurrent use.
type dialog struct {
	callID    string
	localTag  string
	transport string // "udp" or "tcp"

	mu        sync.Mutex
	local     sipmsg.FromHeader // our identity, with localTag
	remote    sipmsg.ToHeader   // the peer's identity, with its tag once that is known
	localSeq  uint32            // of our last request
	remoteSeq uint32            // of the peer's last request
	target    sipmsg.Uri        // where requests are addressed: the peer's latest Contact
	routes    []string          // Route header values, next hop first
	source    netip.AddrPort    // where the peer's messages come from
}

// newServerDialog returns the dialog that inv opens, with us as the UAS (RFC 3261 section 12.1.1).
// inv must have passed checkRequest and have a Contact.
func newServerDialog(inv *sipmsg.Request) *dialog {
	d := &dialog{
		callID:    inv.CallID().Value(),
		localTag:  newTag(),
		transport: sipmsg.NetworkToLower(inv.Transport()),
		remoteSeq: inv.CSeq().SeqNo,
		target:    *inv.Contact().Address.Clone(),
		routes:    headerList(inv, "Record-Route"),
		source:    sourceOf(inv),
		remote:    inv.From().AsTo(),
		local:     inv.To().AsFrom(),
	}
	d.local.Params.Add("tag", d.localTag)
	return d
}

// newClientDialog returns the dialog that our INVITE may open. established completes it.
func newClientDialog(inv *sipmsg.Request) *dialog {
	tag, _ := inv.From().Params.Get("tag")
	return &dialog{
		callID:    inv.CallID().Value(),
		localTag:  tag,
		transport: sipmsg.NetworkToLower(inv.Transport()),
		localSeq:  inv.CSeq().SeqNo,
		target:    *inv.Recipient.Clone(),
		local:     *sipmsg.HeaderClone(inv.From()).(*sipmsg.FromHeader),
		remote:    *sipmsg.HeaderClone(inv.To()).(*sipmsg.ToHeader),
	}
}

// established completes the dialog from the 2xx response to our INVITE (RFC 3261 section 12.1.2).
func (d *dialog) established(res *sipmsg.Response) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if to := res.To(); to != nil {
		d.remote = *sipmsg.HeaderClone(to).(*sipmsg.ToHeader)
	}
	if c := res.Contact(); c != nil {
		d.target = *c.Address.Clone()
	}
	d.routes = headerList(res, "Record-Route")
	slices.Reverse(d.routes)
	d.localSeq = max(d.localSeq, res.CSeq().SeqNo)
	d.source = sourceOf(res)
}

// accept checks the sequence number of a request of the peer and refreshes the remote target if the request can
// (RFC 3261 sections 12.2.2 and 12.2.1.2). It reports false for a request that was overtaken by a later one.
func (d *dialog) accept(req *sipmsg.Request) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	// A BYE is never out of order: refusing one would keep a call open that the peer has left.
	if seq := req.CSeq().SeqNo; seq > d.remoteSeq {
		d.remoteSeq = seq
	} else if req.Method != sipmsg.BYE {
		return false
	}
	if c := req.Contact(); c != nil && (req.Method == sipmsg.INVITE || req.Method == sipmsg.UPDATE) {
		d.target = *c.Address.Clone()
	}
	d.source = sourceOf(req)
	return true
}

// isPeer reports whether tag is the peer's. An early dialog has none yet, and takes any.
func (d *dialog) isPeer(tag string) bool {
	d.mu.Lock()
	defer d.mu.Unlock()
	own, ok := d.remote.Params.Get("tag")
	return !ok || own == "" || own == tag
}

// request returns the next request of the dialog, without Via and body.
func (d *dialog) request(method sipmsg.RequestMethod) *sipmsg.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.localSeq++
	return d.build(method, d.localSeq)
}

// nextSeq returns the sequence number for a request that is sent again with credentials.
func (d *dialog) nextSeq() uint32 {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.localSeq++
	return d.localSeq
}

// ack returns the ACK of the 2xx response to the INVITE with sequence number seq (RFC 3261 section 13.2.2.4).
func (d *dialog) ack(seq uint32) *sipmsg.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.build(sipmsg.ACK, seq)
}

// build makes a request (RFC 3261 section 12.2.1.1). The caller holds mu.
func (d *dialog) build(method sipmsg.RequestMethod, seq uint32) *sipmsg.Request {
	recipient, routes := d.target, d.routes
	if len(routes) > 0 && !strings.Contains(strings.ToLower(routes[0]), ";lr") {
		// A strict router wants itself as Request-URI and the target as last route.
		if first, ok := routeURI(routes[0]); ok {
			recipient = first
			routes = append(slices.Clone(routes[1:]), "<"+d.target.String()+">")
		}
	}
	req := sipmsg.NewRequest(method, recipient)
	for _, r := range routes {
		req.AppendHeader(sipmsg.NewHeader("Route", r))
	}
	callID, forwards := sipmsg.CallIDHeader(d.callID), sipmsg.MaxForwardsHeader(70)
	req.AppendHeader(sipmsg.HeaderClone(&d.local))
	req.AppendHeader(sipmsg.HeaderClone(&d.remote))
	req.AppendHeader(&callID)
	req.AppendHeader(&sipmsg.CSeqHeader{SeqNo: seq, MethodName: method})
	req.AppendHeader(&forwards)
	req.SetTransport(sipmsg.NetworkToUpper(d.transport))
	return req
}

// nextHop returns the host and port that requests go to, port 0 if it must be looked up, and the address that the
// peer's own messages come from.
func (d *dialog) nextHop() (host string, port int, source netip.AddrPort) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.routes) > 0 {
		if uri, ok := routeURI(d.routes[0]); ok {
			return uri.Host, uri.Port, netip.AddrPort{}
		}
	}
	return d.target.Host, d.target.Port, d.source
}

// peer returns the address that the peer's last message came from.
func (d *dialog) peer() netip.AddrPort {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.source
}

// routeURI returns the URI of a Route header value.
func routeURI(value string) (uri sipmsg.Uri, ok bool) {
	var params sipmsg.HeaderParams
	_, err := sipmsg.ParseAddressValue(value, &uri, &params)
	return uri, err == nil && uri.Host != ""
}

// sourceOf returns the address that msg came from.
func sourceOf(msg interface{ Source() string }) netip.AddrPort {
	ap, err := netip.ParseAddrPort(msg.Source())
	if err != nil {
		return netip.AddrPort{}
	}
	return netip.AddrPortFrom(ap.Addr().Unmap(), ap.Port())
}

func newTag() string { return sipmsg.GenerateTagN(16) }
