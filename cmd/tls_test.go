package cmd

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"testing"
	"time"

	"qualifybase/cmd/config"
)

// writePair puts a self-signed certificate of that serial number into the files.
func writePair(t *testing.T, cert, key string, serial int64) *x509.Certificate {
	t.Helper()
	secret, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(serial), Subject: pkix.Name{CommonName: "qb"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, secret.Public(), secret)
	if err != nil {
		t.Fatal(err)
	}
	sec, err := x509.MarshalPKCS8PrivateKey(secret)
	if err != nil {
		t.Fatal(err)
	}
	for name, block := range map[string]*pem.Block{cert: {Type: "CERTIFICATE", Bytes: der},
		key: {Type: "PRIVATE KEY", Bytes: sec}} {
		if err := os.WriteFile(name, pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	made, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return made
}

func TestCertificateFilesAreReadAgain(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	clock, faults := time.Now(), 0
	k := &keyPair{cert: cert, key: key, now: func() time.Time { return clock }, failed: func(error) { faults++ }}
	if err := k.load(); err == nil {
		t.Fatal("absent files are a certificate")
	}
	writePair(t, cert, key, 1)
	if err := k.load(); err != nil {
		t.Fatal(err)
	}
	serial := func() int64 {
		t.Helper()
		pair, err := k.certificate(nil)
		if err != nil {
			t.Fatal(err)
		}
		return pair.Leaf.SerialNumber.Int64()
	}
	if got := serial(); got != 1 {
		t.Fatal(got)
	}
	writePair(t, cert, key, 2)
	if got := serial(); got != 1 {
		t.Errorf("the files were looked at again within a second: %d", got)
	}
	clock = clock.Add(lookEvery)
	if got := serial(); got != 2 {
		t.Errorf("serial %d after a renewal, want 2", got)
	}
	if err := os.WriteFile(cert, []byte("half a certif"), 0o600); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		clock = clock.Add(lookEvery)
		if got := serial(); got != 2 {
			t.Errorf("serial %d while the file is broken, want the old one", got)
		}
	}
	if faults != 1 {
		t.Errorf("the broken file was told %d times, want once", faults)
	}
	writePair(t, cert, key, 3)
	clock = clock.Add(lookEvery)
	if got := serial(); got != 3 {
		t.Errorf("serial %d after the repair, want 3", got)
	}
}

func TestServeHTTPS(t *testing.T) {
	dir := t.TempDir()
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	made := writePair(t, cert, key, 1)
	s := startServer(t, func(c *config.Config) { c.TLS.Cert, c.TLS.Key = cert, key })
	roots := x509.NewCertPool()
	roots.AddCert(made)
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots},
		ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	reply, err := client.Get(s.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	reply.Body.Close()
	if s.url[:8] != "https://" || reply.StatusCode != 200 || reply.ProtoMajor != 2 ||
		reply.Header.Get("Strict-Transport-Security") == "" {
		t.Errorf("%s: %s %s, HSTS %q", s.url, reply.Status, reply.Proto, reply.Header.Get("Strict-Transport-Security"))
	}
	old := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots,
		MaxVersion: tls.VersionTLS11}}}
	if _, err := old.Get(s.url + "/healthz"); err == nil {
		t.Error("TLS 1.1 is accepted")
	}
}

// TestACME shows what does not need the authority: the two listeners, the one
// name, the redirect of plain http, and the challenge's protocol.
func TestACME(t *testing.T) {
	s := startServer(t, nil)
	s.l.TLS.Domain = "qb.clinic.example"
	front, err := s.listeners()
	if err != nil || len(front) != 2 || front[1].Addr != ":80" {
		t.Fatalf("%v, %v", front, err)
	}
	if _, err := front[0].TLSConfig.GetCertificate(&tls.ClientHelloInfo{ServerName: "other.example"}); err == nil {
		t.Error("a certificate is asked for any name")
	}
	if p := front[0].TLSConfig.NextProtos; len(p) != 3 || p[2] != "acme-tls/1" {
		t.Errorf("protocols %v", p)
	}
	w := httptest.NewRecorder()
	front[1].Handler.ServeHTTP(w, httptest.NewRequest("GET", "http://qb.clinic.example/api/v1/docs", nil))
	if w.Code != http.StatusFound || w.Header().Get("Location") != "https://qb.clinic.example/api/v1/docs" {
		t.Errorf("plain http: %d to %q", w.Code, w.Header().Get("Location"))
	}
	s.l.TLS.HTTPListen = ""
	if front, err = s.listeners(); err != nil || len(front) != 1 {
		t.Errorf("%d listeners without http_listen, %v", len(front), err)
	}
}
