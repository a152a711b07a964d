// Package backup is the format of a backup file: one tar that any tar opens,
// with a manifest first, the members behind it, their SHA-256 as sha256sum
// writes them, and at its end a seal over every byte before it, so that no
// flipped bit goes unseen. It may be encrypted as a whole with age.
//
// It knows files and bytes only: what a database must say to be sound is the
// affair of package store.
package backup

import (
	"archive/tar"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"
)

// The names of the members, in their order. The manifest opens the file, the
// sums and the seal end it.
const (
	ManifestName = "manifest.json"
	sumsName     = "SHA256SUMS"
	sealName     = "seal"
)

// format marks a manifest as one of ours; formatVersion moves when a reader of
// today would misread the file.
const (
	format        = "qualifybase-backup"
	formatVersion = 1
)

// maxListing is the most that a reader takes into memory for a member that it must hold whole.
const maxListing = 1 << 20

// Manifest says what a backup holds. It names clinics, never people.
type Manifest struct {
	Format        string    `json:"format"`
	FormatVersion int       `json:"format_version"`
	CreatedAt     time.Time `json:"created_at"`     // when the database was copied, UTC
	QBVersion     string    `json:"qb_version"`     // the program that made it
	SchemaVersion int       `json:"schema_version"` // of the database
	Clinics       []Clinic  `json:"clinics"`
	Members       []Member  `json:"members"` // those behind the manifest, in order
}

// Clinic is one clinic in the backup.
type Clinic struct {
	ID   string `json:"id"`
	Slug string `json:"slug"`
	Name string `json:"name"`
}

// Member is one file in the backup.
type Member struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hex
}

// Member finds a member by its name; nil when the backup has none like it.
func (m *Manifest) Member(name string) *Member {
	for i := range m.Members {
		if m.Members[i].Name == name {
			return &m.Members[i]
		}
	}
	return nil
}

// Shares reports whether a clinic of the list is in the backup.
func (m *Manifest) Shares(ids []string) bool {
	for _, c := range m.Clinics {
		for _, id := range ids {
			if c.ID == id {
				return true
			}
		}
	}
	return false
}

// text is the manifest as it is written.
func (m *Manifest) text() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(m)
	return b.Bytes(), err
}

// readManifest reads one. A manifest of a newer format is reported as such, even if
// the rest of it makes no sense to us.
func readManifest(text []byte) (Manifest, error) {
	var m Manifest
	var mark struct {
		Format  string `json:"format"`
		Version int    `json:"format_version"`
	}
	if err := json.Unmarshal(text, &mark); err != nil || mark.Format != format {
		return m, damaged(ManifestName, "it cannot be read")
	}
	if mark.Version > formatVersion {
		return m, &Fault{Kind: Newer,
			Text: fmt.Sprintf("its format is %d, this qb knows %d: update qb", mark.Version, formatVersion)}
	}
	if err := json.Unmarshal(text, &m); err != nil || mark.Version < 1 {
		return m, damaged(ManifestName, "it cannot be read")
	}
	seen := map[string]bool{ManifestName: true, sumsName: true, sealName: true}
	for _, member := range m.Members {
		if member.Name == "" || strings.ContainsAny(member.Name, "/\\\x00") || strings.HasPrefix(member.Name, ".") ||
			seen[member.Name] || member.Size < 0 || len(member.SHA256) != 64 {
			return m, damaged(ManifestName, "it lists a member that cannot be")
		}
		seen[member.Name] = true
	}
	return m, nil
}

// head is the header of a member: owner read and write, no names of this
// machine. GNU's form has one block whatever the size.
func head(name string, size int64, at time.Time) *tar.Header {
	return &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: size, Mode: 0o600, ModTime: at.UTC().Truncate(time.Second),
		Format: tar.FormatGNU}
}

// blocks is the room that a member takes in the file.
func blocks(size int64) int64 { return 512 + (size+511)/512*512 }

// size is the length of the whole file, as the manifest promises it.
func (m *Manifest) size(manifest int64) int64 {
	sum := blocks(manifest) + blocks(int64(len(m.sums(strings.Repeat("0", 64))))) + sealSize
	for _, member := range m.Members {
		sum += blocks(member.Size)
	}
	return sum
}

// sums lists the members as sha256sum does, the manifest first.
func (m *Manifest) sums(manifest string) string {
	text := manifest + "  " + ManifestName + "\n"
	for _, member := range m.Members {
		text += member.SHA256 + "  " + member.Name + "\n"
	}
	return text
}

// sealSize is the length of the seal: header, one block, two empty ones at the end.
const sealSize = 512 + 512 + 1024

// seal is the file's end: the last member, which holds the SHA-256 (hex) of every
// byte before it, and the end mark of the tar. The hash alone decides every byte
// of it, so that a flip in the seal itself shows as well.
func seal(digest string) []byte {
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	text := digest + "\n"
	if w.WriteHeader(head(sealName, int64(len(text)), time.Unix(0, 0))) != nil {
		panic("a buffer takes everything")
	}
	_, _ = io.WriteString(w, text)
	_ = w.Close()
	return b.Bytes()
}
