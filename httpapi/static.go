package httpapi

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	_ "embed" // the reference page and its script
	"encoding/hex"
	"io"
	"net/http"
	"reflect"
	"strings"
	"sync"
)

// The reference page works offline: RapiDoc is in the binary, compressed, with
// its licence beside it in the tree.
var (
	//go:embed assets/docs.html
	docsHTML []byte
	//go:embed assets/rapidoc-min.js.gz
	rapidocGzip []byte
)

// docsPolicy lets the page run its own script, style itself and call its own host.
const docsPolicy = "default-src 'none'; script-src 'self'; style-src 'unsafe-inline'; connect-src 'self'; img-src " +
	"'self' data:; " +
	"base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// file is something that is the same for everybody, kept compressed.
type file struct {
	kind   string
	etag   string
	gzip   []byte
	policy string // Content-Security-Policy; "" = that of all replies
}

func newFile(kind string, text []byte) *file {
	var b bytes.Buffer
	w, _ := gzip.NewWriterLevel(&b, gzip.BestCompression)
	_, _ = w.Write(text) // into memory: cannot fail
	_ = w.Close()
	return zipped(kind, b.Bytes())
}

func zipped(kind string, gz []byte) *file {
	sum := sha256.Sum256(gz)
	return &file{kind: kind, etag: `"` + hex.EncodeToString(sum[:9]) + `"`, gzip: gz}
}

var docsPage = sync.OnceValue(func() *file {
	f := newFile("text/html; charset=utf-8", docsHTML)
	f.policy = docsPolicy
	return f
})

var docsScript = sync.OnceValue(func() *file { return zipped("text/javascript; charset=utf-8", rapidocGzip) })

// static is the operation of a row that serves a file.
type static[In any] struct {
	kind string
	get  func(*call, In) (*file, error)
}

func (s static[In]) shape() shape { return shape{in: reflect.TypeFor[In](), other: s.kind} }

func (s static[In]) bind(b *binder) func(*call) {
	return func(c *call) {
		var in In
		faults, err := b.fill(c, reflect.ValueOf(&in).Elem())
		if len(faults) > 0 {
			err = b.invalid(faults, c.form)
		}
		if err != nil {
			c.Refuse(err)
			return
		}
		f, err := s.get(c, in)
		if err != nil {
			c.Refuse(err)
			return
		}
		f.send(c)
	}
}

func (f *file) send(c *call) {
	h := c.Header()
	h["Cache-Control"] = []string{"no-cache"}
	h["Vary"] = []string{"Accept-Encoding"}
	if f.policy != "" {
		h["Content-Security-Policy"] = []string{f.policy}
		h["Referrer-Policy"] = []string{"no-referrer"}
		h["X-Frame-Options"] = []string{"DENY"}
	}
	if strings.Contains(c.R.Header.Get("If-None-Match"), f.etag) {
		c.send(answer{status: http.StatusNotModified, etag: f.etag})
		return
	}
	a := answer{status: http.StatusOK, kind: f.kind, etag: f.etag, body: f.gzip}
	if strings.Contains(c.R.Header.Get("Accept-Encoding"), "gzip") {
		h["Content-Encoding"] = []string{"gzip"}
	} else {
		a.body = f.text()
	}
	c.send(a)
}

// text is the file uncompressed.
func (f *file) text() []byte {
	r, err := gzip.NewReader(bytes.NewReader(f.gzip))
	if err != nil {
		return nil
	}
	text, _ := io.ReadAll(r) // compressed by ourselves
	return text
}
