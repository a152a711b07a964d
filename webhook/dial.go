package webhook

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/netip"
	"syscall"
	"time"
)

// The limits of one attempt (webhooks.md "Outcome").
const (
	ConnectTimeout = 5 * time.Second  // name, connection; and again for TLS
	AttemptTimeout = 15 * time.Second // from the first byte of the name to the last of the answer
	maxRead        = 64 << 10         // bytes of an answer that are read at all
	maxKept        = 4 << 10          // bytes of it that are kept
	maxPerEndpoint = 8                // the most that one endpoint may have in flight
)

// TransportOptions are what only some installations and the tests need.
type TransportOptions struct {
	Resolver *net.Resolver  // nil = the system's
	RootCAs  *x509.CertPool // nil = the system's
	Connect  time.Duration  // to connect, and again for TLS; default ConnectTimeout
}

// Transport is the guarded way out: the policy sees every resolved address before
// the connection is made, so that names that change their answer and odd spellings
// end there. No proxy, HTTP/1.1, TLS 1.2 at least, answers as they are sent. It
// follows no redirect, since it is used without a client.
func (p *Policy) Transport(o TransportOptions) *http.Transport {
	if o.Connect <= 0 {
		o.Connect = ConnectTimeout
	}
	dial := func(ctx context.Context, network, address string) (net.Conn, error) {
		host, _, err := net.SplitHostPort(address)
		if err != nil {
			return nil, err
		}
		d := net.Dialer{
			Timeout:   o.Connect,
			KeepAlive: 30 * time.Second,
			Resolver:  o.Resolver,
			ControlContext: func(_ context.Context, network, resolved string, _ syscall.RawConn) error {
				return p.control(host, network, resolved)
			},
		}
		return d.DialContext(ctx, network, address)
	}
	return &http.Transport{
		Proxy:                  nil,
		DialContext:            dial,
		TLSClientConfig:        &tls.Config{MinVersion: tls.VersionTLS12, RootCAs: o.RootCAs},
		TLSHandshakeTimeout:    o.Connect,
		DisableCompression:     true,
		MaxIdleConns:           64,
		MaxIdleConnsPerHost:    DefaultInFlight, // several endpoints may share a host
		IdleConnTimeout:        60 * time.Second,
		MaxResponseHeaderBytes: maxRead,
	}
}

// control is the last question before connect(2).
func (p *Policy) control(host, network, resolved string) error {
	if network != "tcp4" && network != "tcp6" {
		return refusedNowhere
	}
	to, err := netip.ParseAddrPort(resolved)
	if err != nil {
		return refusedNowhere
	}
	return p.Check(host, to)
}
