package backup

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"hash"
	"io"
	"os"
	"strings"
	"time"
)

// Source is a member to be: a file, or its bytes.
type Source struct {
	Name string
	Path string // read twice: it must not change
	Data []byte // instead of Path
}

func (s *Source) open() (io.ReadCloser, error) {
	if s.Path == "" {
		return io.NopCloser(strings.NewReader(string(s.Data))), nil
	}
	return os.Open(s.Path)
}

// measure finds the member's size and hash.
func (s *Source) measure() (Member, error) {
	r, err := s.open()
	if err != nil {
		return Member{}, err
	}
	h := sha256.New()
	n, err := io.Copy(h, r)
	if e := r.Close(); err == nil {
		err = e
	}
	return Member{s.Name, n, sum(h)}, err
}

func sum(h hash.Hash) string { return hex.EncodeToString(h.Sum(nil)) }

// hashing passes bytes on and hashes and counts them.
type hashing struct {
	w io.Writer
	h hash.Hash
	n int64
}

func (h *hashing) Write(p []byte) (int, error) {
	n, err := h.w.Write(p)
	_, _ = h.h.Write(p[:n])
	h.n += int64(n)
	return n, err
}

// Write writes a backup of the sources. It fills in the manifest's format and
// members and returns it. A source that changes while it is read is an error.
func Write(w io.Writer, m Manifest, sources []Source) (Manifest, error) {
	m.Format, m.FormatVersion, m.Members = format, formatVersion, nil
	m.CreatedAt = m.CreatedAt.UTC().Truncate(time.Second)
	for i := range sources {
		member, err := sources[i].measure()
		if err != nil {
			return m, err
		}
		m.Members = append(m.Members, member)
	}
	text, err := m.text()
	if err != nil {
		return m, err
	}
	if _, err := readManifest(text); err != nil { // never write what we would refuse to read
		return m, err
	}
	all := &hashing{w: w, h: sha256.New()}
	t := tar.NewWriter(all)
	first := Source{Name: ManifestName, Data: text}
	own, err := first.measure()
	if err != nil {
		return m, err
	}
	last := Source{Name: sumsName, Data: []byte(m.sums(own.SHA256))}
	for i, s := range append(append([]Source{first}, sources...), last) {
		want := Member{s.Name, int64(len(s.Data)), ""}
		if i > 0 && i <= len(sources) {
			want = m.Members[i-1]
		}
		if err := pack(t, s, want, m.CreatedAt); err != nil {
			return m, err
		}
	}
	if err := t.Flush(); err != nil { // the seal brings the end mark
		return m, err
	}
	_, err = w.Write(seal(sum(all.h)))
	return m, err
}

// pack writes one member and holds it against what was measured before.
func pack(t *tar.Writer, s Source, want Member, at time.Time) error {
	if err := t.WriteHeader(head(s.Name, want.Size, at)); err != nil {
		return err
	}
	r, err := s.open()
	if err != nil {
		return err
	}
	defer r.Close()
	to := &hashing{w: t, h: sha256.New()}
	if _, err := io.Copy(to, r); err != nil && !errors.Is(err, tar.ErrWriteTooLong) {
		return err
	}
	if to.n != want.Size || want.SHA256 != "" && sum(to.h) != want.SHA256 {
		return fmt.Errorf("%s changed while it was read; try again", s.Name)
	}
	return nil
}
