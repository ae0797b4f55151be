package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"math"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"replog/client"
)

func caFlag() cli.Flag {
	return &cli.StringFlag{Name: "ca-file", Usage: "PEM file of certificate authorities to trust besides the system's", TakesFile: true}
}

func tokenFlag() cli.Flag {
	return &cli.StringFlag{Name: "token-file", Usage: "file that holds the token; without it REPLOG_TOKEN is the token", TakesFile: true}
}

func timeoutFlag() cli.Flag {
	return &cli.DurationFlag{
		Name:  "timeout",
		Usage: "give up after this time, such as 90s, and try until then to reach the server (10s where not given); 0 is never", Value: time.Hour,
	}
}

// shortRetry is for how long a server that is busy or cannot be reached is
// tried without --timeout: long enough for its restart, and no more than somebody
// without a network wants to wait.
const shortRetry = 10 * time.Second

// retryFor is for how long requests are sent again.
func retryFor(c *cli.Context) time.Duration {
	switch t := c.Duration("timeout"); {
	case !c.IsSet("timeout"):
		return shortRetry
	case t > 0:
		return t
	}
	return math.MaxInt64
}

// connectTime bounds how long making a connection may take: after it a server
// counts as unreachable.
const connectTime = 10 * time.Second

// httpClient trusts the system's certificate authorities and those in caFile,
// if that is given.
func httpClient(caFile string) (*http.Client, error) {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.DialContext = (&net.Dialer{Timeout: connectTime, KeepAlive: 15 * time.Second}).DialContext
	t.TLSHandshakeTimeout = connectTime
	if caFile != "" {
		roots, err := authorities(caFile)
		if err != nil {
			return nil, err
		}
		t.TLSClientConfig = &tls.Config{RootCAs: roots}
	}
	return &http.Client{Transport: t}, nil
}

func authorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, err
	}
	roots, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("read the system's certificate authorities: %w", err)
	}
	if !roots.AppendCertsFromPEM(pem) {
		return nil, &failure{err: fmt.Errorf("%s holds no certificate", file), next: "give a file in PEM form"}
	}
	return roots, nil
}

// readToken returns the token for enrolling, from --token-file or REPLOG_TOKEN.
func readToken(c *cli.Context) (string, error) {
	token := os.Getenv("REPLOG_TOKEN")
	if file := c.String("token-file"); file != "" {
		content, err := os.ReadFile(file)
		if err != nil {
			return "", err
		}
		token = string(content)
	}
	if token = strings.TrimSpace(token); token == "" {
		return "", &failure{
			code: codeNotAllowed,
			err:  errors.New("no token"),
			next: "put a token into REPLOG_TOKEN or give --token-file; the server's administrator makes one with `replog token create`",
		}
	}
	return token, nil
}

// databaseURL checks http(s)://HOST:PORT/NAME, and warns where a token would
// cross a network readable.
func databaseURL(c *cli.Context, s *stdio, raw string) (string, error) {
	if _, _, err := client.ParseServer(raw); err != nil {
		return "", usage(c, "%w", err)
	}
	if u, err := url.Parse(raw); err == nil && u.Scheme == "http" && !isLocal(u.Hostname()) {
		s.warn("%s is not https: tokens and data travel readable", u.Host)
	}
	return raw, nil
}

func isLocal(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || (ip != nil && ip.IsLoopback())
}
