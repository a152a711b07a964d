package webhook

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"strings"
)

// tlsHint tells a fault of TLS and says what the receiver has to mend.
func tlsHint(err error) (string, bool) {
	if e, ok := errors.AsType[x509.CertificateInvalidError](err); ok {
		if e.Reason == x509.Expired {
			return "the certificate has expired or is not valid yet", true
		}
		return "the certificate is not valid for this use", true
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return "the certificate is for another name", true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return "the certificate's authority is unknown", true
	}
	if _, ok := errors.AsType[tls.RecordHeaderError](err); ok {
		return "the port does not speak TLS", true
	}
	// Alerts and version faults have no exported type.
	return "TLS 1.2 or later could not be agreed on", strings.Contains(err.Error(), "tls: ")
}
