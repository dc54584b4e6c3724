package app

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"net"
	"strings"
	"time"
)

// tlsConfig returns the configured certificate, nil for plain HTTP.
func tlsConfig(cfg *Config) (*tls.Config, error) {
	var certificate tls.Certificate
	var err error
	switch {
	case cfg.TLSSelfSigned && (cfg.TLSCert != "" || cfg.TLSKey != ""):
		return nil, errors.New("--tls-self-signed, --tls-cert: either a certificate or a self-signed one, not both")
	case cfg.TLSSelfSigned:
		certificate, err = selfSigned(cfg.Listen)
	case (cfg.TLSCert == "") != (cfg.TLSKey == ""):
		return nil, errors.New("--tls-cert, --tls-key: a certificate and its key go together")
	case cfg.TLSCert != "":
		certificate, err = tls.LoadX509KeyPair(cfg.TLSCert, cfg.TLSKey)
	default:
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("--tls-cert, --tls-key: read the certificate: %w", err)
	}
	return &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12,
		CipherSuites: authenticated()}, nil
}

// authenticated returns the cipher suites of TLS 1.2 that have forward secrecy and authenticate
// what they encrypt. Those of TLS 1.3 all do.
func authenticated() []uint16 {
	var ids []uint16
	for _, suite := range tls.CipherSuites() {
		ephemeral := strings.HasPrefix(suite.Name, "TLS_ECDHE_")
		if ephemeral && (strings.Contains(suite.Name, "_GCM_") || strings.Contains(suite.Name, "_CHACHA20_")) {
			ids = append(ids, suite.ID)
		}
	}
	return ids
}

// selfSigned makes a certificate for trying things out; its key is kept nowhere.
func selfSigned(listen string) (tls.Certificate, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return tls.Certificate{}, err
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: "Canopy, for trying out"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(0, 1, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		BasicConstraintsValid: true, DNSNames: []string{"localhost"},
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1), net.IPv6loopback},
	}
	if host, _, err := net.SplitHostPort(listen); err == nil && host != "" {
		if ip := net.ParseIP(host); ip != nil {
			template.IPAddresses = append(template.IPAddresses, ip)
		} else {
			template.DNSNames = append(template.DNSNames, host)
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		return tls.Certificate{}, err
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, nil
}
