package cmd

import (
	"crypto/tls"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/acme"
	"golang.org/x/crypto/acme/autocert"
)

// acmeCache is where certificates lie in the data directory.
const acmeCache = "acme"

// acme gives the API certificates from an ACME authority (Let's Encrypt) and,
// where wanted, puts a listener beside it that answers the challenge over plain
// http and sends everything else to https.
func (s *server) acme(api *listener) []*listener {
	m := &autocert.Manager{
		Prompt: autocert.AcceptTOS, Email: s.l.TLS.Email,
		Cache: autocert.DirCache(filepath.Join(filepath.Dir(s.store.Path()), acmeCache)),
		// No other name is asked for: a scanner must not use up the authority's limits.
		HostPolicy: autocert.HostWhitelist(s.l.TLS.Domain),
	}
	api.secure, api.domain, api.TLSConfig = true, s.l.TLS.Domain, modernTLS()
	api.TLSConfig.GetCertificate = m.GetCertificate
	api.TLSConfig.NextProtos = []string{"h2", "http/1.1", acme.ALPNProto}
	if s.l.TLS.HTTPListen == "" {
		return []*listener{api}
	}
	plain := s.listener(m.HTTPHandler(nil))
	plain.Addr = s.l.TLS.HTTPListen
	return []*listener{api, plain}
}

// certificate gives the API the certificate of the configured files.
func (s *server) certificate(api *listener) error {
	k := &keyPair{cert: s.l.TLS.Cert, key: s.l.TLS.Key, now: time.Now, failed: func(err error) {
		s.log.Error("the new certificate cannot be used; the old one stays", "err", err)
	}}
	if err := k.load(); err != nil {
		return fmt.Errorf("tls.cert and tls.key: %w", err)
	}
	api.secure, api.TLSConfig = true, modernTLS()
	api.TLSConfig.GetCertificate = k.certificate
	return nil
}

func modernTLS() *tls.Config { return &tls.Config{MinVersion: tls.VersionTLS12} }

// keyPair is a certificate in two files, read again when they change: whoever
// renews it need not restart the server.
type keyPair struct {
	cert, key string
	now       func() time.Time
	failed    func(error)

	mu      sync.Mutex
	looked  time.Time // when the files were last looked at
	version string    // sizes and times of the files that pair was made of
	pair    *tls.Certificate
}

// lookEvery bounds how often handshakes look at the files.
const lookEvery = time.Second

// certificate is for tls.Config.GetCertificate.
func (k *keyPair) certificate(*tls.ClientHelloInfo) (*tls.Certificate, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if now := k.now(); now.Sub(k.looked) >= lookEvery {
		k.looked = now
		if k.stamp() != k.version {
			if err := k.load(); err != nil {
				k.failed(err)
			}
		}
	}
	return k.pair, nil
}

// load reads the pair. A faulty one is not looked at again until it changes.
func (k *keyPair) load() error {
	k.version = k.stamp()
	pair, err := tls.LoadX509KeyPair(k.cert, k.key)
	if err != nil {
		return err
	}
	k.pair = &pair
	return nil
}

// stamp is the sizes and times of the files, by which a change shows; that of a
// missing file is empty.
func (k *keyPair) stamp() string {
	text := ""
	for _, name := range []string{k.cert, k.key} {
		if info, err := os.Stat(name); err == nil {
			text += fmt.Sprint(info.ModTime().UnixNano(), info.Size(), ";")
		}
	}
	return text
}
