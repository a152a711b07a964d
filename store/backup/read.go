package backup

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash"
	"io"
	"strings"
)

// trailing passes a stream on, hashes all of it but its last sealSize bytes, and
// keeps those.
type trailing struct {
	r    io.Reader
	h    hash.Hash
	kept []byte
	head []byte // the stream's first bytes
	n    int64
	err  error // the stream's own, other than its end
}

func (t *trailing) Read(p []byte) (int, error) {
	n, err := t.r.Read(p)
	t.n += int64(n)
	t.kept = append(t.kept, p[:n]...)
	if lack := len(ManifestName) - len(t.head); lack > 0 {
		t.head = append(t.head, p[:min(n, lack)]...)
	}
	if over := len(t.kept) - sealSize; over > 0 {
		_, _ = t.h.Write(t.kept[:over])
		t.kept = append(t.kept[:0], t.kept[over:]...)
	}
	if err != nil && err != io.EOF {
		t.err = err
	}
	return n, err
}

// sealed reports whether the file ends with the seal that belongs to it.
func (t *trailing) sealed() bool { return bytes.Equal(t.kept, seal(sum(t.h))) }

// signed reports whether the file ends with something like a seal, be it wrong.
func (t *trailing) signed() bool {
	if len(t.kept) != sealSize {
		return false
	}
	same, like := 0, seal(strings.Repeat("0", 64))
	for i, b := range t.kept[:512] {
		if b == like[i] {
			same++
		}
	}
	return same >= 500 // a header with few bytes amiss
}

// reading is one pass over a backup.
type reading struct {
	t        *trailing
	tar      *tar.Reader
	sink     func(Member) (io.Writer, error)
	manifest Manifest
	length   int64    // of the whole file, as the manifest promises it; 0 = not known
	found    []Member // as read, in order
	sums     []byte
}

// Read reads a backup once, from its first byte to its last, and gives its
// manifest. sink gets each member behind the manifest and says where its bytes
// go; nil throws all of them away. Only when Read returns without an error are
// the bytes that went there those that were written: until then they are not to
// be used. Every refusal is a *Fault, except an error of r's own or of a sink.
func Read(r io.Reader, sink func(Member) (io.Writer, error)) (Manifest, error) {
	if sink == nil {
		sink = func(Member) (io.Writer, error) { return io.Discard, nil }
	}
	t := &trailing{r: r, h: sha256.New()}
	p := &reading{t: t, tar: tar.NewReader(t), sink: sink}
	walk := p.members()
	if outside, ok := errors.AsType[*sinkError](walk); ok {
		return p.manifest, outside.err
	}
	_, _ = io.Copy(io.Discard, t) // to the end, for the seal and the length
	if t.err != nil && t.err != io.ErrUnexpectedEOF {
		return p.manifest, p.unread(t.err)
	}
	return p.manifest, p.judge(walk)
}

// sinkError is a fault of where the bytes go to, not of the file.
type sinkError struct{ err error }

func (e *sinkError) Error() string { return e.err.Error() }

// sinking marks the faults of a sink.
type sinking struct{ w io.Writer }

func (s sinking) Write(b []byte) (int, error) {
	n, err := s.w.Write(b)
	if err != nil {
		return n, &sinkError{err}
	}
	return n, nil
}

// members walks over the file and hashes every member.
func (p *reading) members() error {
	for {
		h, err := p.tar.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return damaged("", "the header behind %s cannot be read", p.last())
		}
		if len(p.found) == 0 && h.Name != ManifestName {
			return &Fault{Kind: Foreign, Text: "it does not begin with " + ManifestName}
		}
		if h.Typeflag != tar.TypeReg || p.twice(h.Name) {
			return damaged(h.Name, "no such member belongs behind %s", p.last())
		}
		if err := p.member(h); err != nil {
			return err
		}
	}
}

// twice tells that a member of that name was read before.
func (p *reading) twice(name string) bool {
	for _, m := range p.found {
		if m.Name == name {
			return true
		}
	}
	return false
}

func (p *reading) last() string {
	if len(p.found) == 0 {
		return "the beginning"
	}
	return p.found[len(p.found)-1].Name
}

// member reads one member to where it belongs.
func (p *reading) member(h *tar.Header) error {
	var small bytes.Buffer
	to := io.Discard
	if want := p.manifest.Member(h.Name); want != nil {
		w, err := p.sink(*want)
		if err != nil {
			return &sinkError{err}
		}
		to = sinking{w}
	} else if h.Name == ManifestName || h.Name == sumsName {
		if to = &small; h.Size > maxListing {
			return damaged(h.Name, "it is larger than it can be")
		}
	}
	hash := sha256.New()
	n, err := io.Copy(io.MultiWriter(hash, to), p.tar)
	if _, ok := errors.AsType[*sinkError](err); ok {
		return err
	}
	if err != nil {
		return damaged(h.Name, "its end is missing")
	}
	p.found = append(p.found, Member{h.Name, n, sum(hash)})
	switch h.Name {
	case ManifestName:
		if p.manifest, err = readManifest(small.Bytes()); err == nil {
			p.length = p.manifest.size(int64(small.Len()))
		}
	case sumsName:
		p.sums = small.Bytes()
	}
	return err
}

// judge says what is wrong with a file that was read to its end, as exactly as
// it can be reported. walk is how the walk over the members ended.
func (p *reading) judge(walk error) error {
	if walk == nil && p.t.sealed() && p.complete() {
		return nil
	}
	fault, _ := errors.AsType[*Fault](walk)
	switch {
	case p.t.n == 0:
		return &Fault{Kind: Foreign, Text: "it is empty"}
	case fault != nil && fault.Kind == Newer && (p.t.sealed() || !p.t.signed()):
		return fault
	case fault != nil && fault.Kind == Newer:
		return damaged(ManifestName, "its bytes are not those that were written")
	case p.t.signed():
	case fault != nil && fault.Kind == Foreign, len(p.found) == 0 && !p.begun():
		return &Fault{Kind: Foreign, Text: "it does not begin with " + ManifestName}
	case p.length == 0 && len(p.found) == 0:
		return &Fault{Kind: Truncated, Text: fmt.Sprintf("it has %d bytes and ends inside its manifest", p.t.n)}
	case p.t.n < p.length:
		return p.cut(p.t.n)
	}
	if name := p.changed(); name != "" {
		return damaged(name, "its bytes are not those that were written")
	}
	if fault != nil && fault.Kind == Damaged {
		return fault
	}
	return damaged("", "a byte between the members or in the seal is not the one that was written")
}

func (p *reading) cut(n int64) *Fault {
	return &Fault{Kind: Truncated, Text: fmt.Sprintf("it has %d of %d bytes", n, p.length)}
}

// unread is an error of the stream itself: decryption, or a disk. An encrypted
// file that is too short for what its manifest promises was cut.
func (p *reading) unread(err error) error {
	short, ok := p.t.r.(interface{ shorter(plain int64) bool })
	if KindOf(err) == Damaged && ok && p.length > 0 && short.shorter(p.length) {
		return p.cut(p.t.n)
	}
	return err
}

// begun tells a file that begins like a backup, whatever follows.
func (p *reading) begun() bool { return strings.HasPrefix(ManifestName, string(p.t.head)) }

// complete tells that the members are as the manifest and the sums say: a valid
// seal over anything else is a forgery, or a mistake of ours.
func (p *reading) complete() bool {
	if len(p.found) != len(p.manifest.Members)+3 || string(p.sums) != p.manifest.sums(p.found[0].SHA256) {
		return false
	}
	for i, m := range p.manifest.Members {
		if p.found[i+1] != m {
			return false
		}
	}
	return true
}

// changed names the member whose bytes are not those that were written; "" when
// the change lies outside of all. Manifest and sums list the same hashes, so that
// a member stands against two witnesses, and either of those against the other.
func (p *reading) changed() string {
	sums := map[string]string{}
	for line := range strings.Lines(string(p.sums)) {
		if digest, name, ok := strings.Cut(strings.TrimSuffix(line, "\n"), "  "); ok {
			sums[name] = digest
		}
	}
	manifest := false
	for _, m := range p.found {
		listed, ok := sums[m.Name]
		same := listed == m.SHA256
		switch want := p.manifest.Member(m.Name); {
		case m.Name == ManifestName:
			manifest = ok && !same
		case want != nil && want.SHA256 != m.SHA256 && (!ok || !same):
			return m.Name
		}
	}
	switch {
	case manifest:
		return ManifestName
	case p.sums != nil && string(p.sums) != p.manifest.sums(p.found[0].SHA256):
		return sumsName
	}
	return ""
}
