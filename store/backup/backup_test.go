package backup

import (
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"filippo.io/age"
	"pgregory.net/rapid"
)

var noon = time.Date(2026, 7, 31, 12, 0, 0, 0, time.UTC)

func plainManifest() Manifest {
	return Manifest{CreatedAt: noon, QBVersion: "1.2.3", SchemaVersion: 1,
		Clinics: []Clinic{{"0198-a", "park", "Praxis am Park"}}}
}

// sample is a small backup.
func sample(t testing.TB) ([]byte, []Source) {
	t.Helper()
	db := filepath.Join(t.TempDir(), "x.db")
	if err := os.WriteFile(db, bytes.Repeat([]byte("page "), 700), 0o600); err != nil {
		t.Fatal(err)
	}
	sources := []Source{{Name: "qb.db", Path: db}, {Name: "secrets.key", Data: []byte("00ff\n")},
		{Name: "qb.toml", Data: nil}}
	var b bytes.Buffer
	m, err := Write(&b, plainManifest(), sources)
	if err != nil {
		t.Fatal(err)
	}
	if text, _ := m.text(); m.size(int64(len(text))) != int64(b.Len()) {
		t.Fatalf("%d bytes, the manifest promises %d", b.Len(), m.size(int64(len(text))))
	}
	return b.Bytes(), sources
}

// members reads a backup into memory.
func members(r io.Reader) (map[string]string, Manifest, error) {
	got := map[string]*bytes.Buffer{}
	m, err := Read(r, func(m Member) (io.Writer, error) {
		got[m.Name] = &bytes.Buffer{}
		return got[m.Name], nil
	})
	text := map[string]string{}
	for name, b := range got {
		text[name] = b.String()
	}
	return text, m, err
}

func TestRoundTrip(t *testing.T) {
	t.Parallel()
	file, _ := sample(t)
	got, m, err := members(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 || got["qb.db"] != strings.Repeat("page ", 700) || got["secrets.key"] != "00ff\n" ||
		got["qb.toml"] != "" {
		t.Errorf("read %v", got)
	}
	if m.QBVersion != "1.2.3" || m.SchemaVersion != 1 || !m.CreatedAt.Equal(noon) ||
		!m.Shares([]string{"other", "0198-a"}) || m.Shares([]string{"0198-b"}) {
		t.Errorf("manifest %+v", m)
	}
}

func TestAnySizes(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var sources []Source
		for _, name := range []string{"a", "b.c", "d"} {
			size := rapid.SampledFrom([]int{0, 1, 511, 512, 513, 5000}).Draw(t, name)
			sources = append(sources, Source{Name: name, Data: bytes.Repeat([]byte{0}, size)})
		}
		var b bytes.Buffer
		if _, err := Write(&b, plainManifest(), sources); err != nil {
			t.Fatal(err)
		}
		got, _, err := members(&b)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range sources {
			if got[s.Name] != string(s.Data) {
				t.Fatalf("%s came back with %d bytes of %d", s.Name, len(got[s.Name]), len(s.Data))
			}
		}
	})
}

// Any tar and any sha256sum can read and check a backup, should qb be gone.
func TestForeignTools(t *testing.T) {
	t.Parallel()
	for _, tool := range []string{"tar", "sha256sum"} {
		if _, err := exec.LookPath(tool); err != nil {
			t.Skip("this machine has no ", tool)
		}
	}
	file, _ := sample(t)
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "b.tar"), file, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, line := range [][]string{{"tar", "-xf", "b.tar"}, {"sha256sum", "-c", "--strict", sumsName}} {
		c := exec.Command(line[0], line[1:]...)
		c.Dir = dir
		if out, err := c.CombinedOutput(); err != nil {
			t.Errorf("%v: %v\n%s", line, err, out)
		}
	}
}

// owners tells of each byte of the file which member it belongs to; "" = header,
// padding, seal.
func owners(t *testing.T, file []byte) []string {
	_, m, err := members(bytes.NewReader(file))
	if err != nil {
		t.Fatal(err)
	}
	text, _ := m.text()
	list := append([]Member{{Name: ManifestName, Size: int64(len(text))}}, m.Members...)
	list = append(list, Member{Name: sumsName, Size: int64(len(m.sums(strings.Repeat("0", 64))))})
	of, pos := make([]string, len(file)), 0
	for _, member := range list {
		for i := range int(member.Size) {
			of[pos+512+i] = member.Name
		}
		pos += int(blocks(member.Size))
	}
	return of
}

// step is how many bytes a test of flips goes on: all of them would take long.
const step = 3

// A bit flipped anywhere in a backup is found, and where it lies in a member the
// message names that one (proof.md R8: 100 %).
func TestEveryFlip(t *testing.T) {
	t.Parallel()
	file, _ := sample(t)
	of := owners(t, file)
	for at := 0; at < len(file); at += step {
		bad := slices.Clone(file)
		bad[at] ^= 1 << (at % 8)
		if _, _, err := members(bytes.NewReader(bad)); KindOf(err) != Damaged {
			t.Errorf("byte %d (%s): %v, want damaged", at, of[at], err)
		} else if f := err.(*Fault); of[at] != "" && f.Member != of[at] &&
			(f.Member != ManifestName || of[at] != sumsName) { // the listings witness against each other
			t.Errorf("byte %d of %s: %v", at, of[at], err)
		}
	}
}

func TestEveryCut(t *testing.T) {
	t.Parallel()
	file, _ := sample(t)
	for n := 0; n < len(file); n += 7 {
		_, _, err := members(bytes.NewReader(file[:n]))
		if want := Truncated; n > 0 && KindOf(err) != want || n == 0 && KindOf(err) != Foreign {
			t.Errorf("the first %d of %d bytes: %v", n, len(file), err)
		}
	}
	for _, more := range []string{"x", strings.Repeat("\x00", 512), string(file)} {
		if _, _, err := members(strings.NewReader(string(file) + more)); KindOf(err) != Damaged {
			t.Errorf("%d bytes more: %v", len(more), err)
		}
	}
	// Without its first block, or its middle.
	for _, cut := range [][2]int{{0, 512}, {2048, 2560}, {512, 1024}} {
		bad := append(slices.Clone(file[:cut[0]]), file[cut[1]:]...)
		if _, _, err := members(bytes.NewReader(bad)); !KindOf(err).Damage() {
			t.Errorf("without %v: %v", cut, err)
		}
	}
}

func TestForeign(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"empty": "", "text": "a letter, but no backup", "zeros": strings.Repeat("\x00", 4096),
		"database": "SQLite format 3\x00" + strings.Repeat("x", 8000), "gzip": "\x1f\x8b\x08" + strings.Repeat("y", 900),
	} {
		if _, _, err := members(strings.NewReader(text)); KindOf(err) != Foreign {
			t.Errorf("%s: %v", name, err)
		}
	}
	var other bytes.Buffer
	if _, err := Write(&other, plainManifest(), nil); err != nil {
		t.Fatal(err)
	}
	foreign := bytes.Replace(other.Bytes(), []byte(ManifestName), []byte("somethingelse"), 1)
	if _, _, err := members(bytes.NewReader(foreign)); err == nil {
		t.Error("another tar was read")
	}
}

func TestNewer(t *testing.T) {
	t.Parallel()
	file, _ := sample(t)
	m := plainManifest()
	m.Format, m.FormatVersion = format, formatVersion+1
	text, _ := m.text()
	if _, err := readManifest(text); KindOf(err) != Newer {
		t.Errorf("a newer manifest: %v", err)
	}
	// A flip that turns the version into a larger one is damage, not news.
	at := bytes.Index(file, []byte(`"format_version": 1`)) + len(`"format_version": `)
	bad := slices.Clone(file)
	bad[at] = '3'
	if _, _, err := members(bytes.NewReader(bad)); KindOf(err) != Damaged {
		t.Errorf("a flipped version: %v", err)
	}
}

func TestManifestRefuses(t *testing.T) {
	t.Parallel()
	digest := strings.Repeat("0", 64)
	for _, member := range []Member{
		{"../qb.db", 1, digest}, {"/etc/passwd", 1, digest}, {"", 1, digest}, {".hidden", 1, digest}, {"a\\b", 1, digest},
		{"qb.db", -1, digest}, {"qb.db", 1, "00"}, {sealName, 1, digest}, {ManifestName, 1, digest},
	} {
		m := plainManifest()
		m.Format, m.FormatVersion, m.Members = format, formatVersion, []Member{member}
		text, _ := m.text()
		if _, err := readManifest(text); KindOf(err) != Damaged {
			t.Errorf("%q was accepted: %v", member.Name, err)
		}
	}
}

// A member that grows while it is packed must not be sealed as sound.
func TestChangingSource(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "f")
	if err := os.WriteFile(path, []byte("one"), 0o600); err != nil {
		t.Fatal(err)
	}
	change := writerFunc(func(p []byte) (int, error) {
		return len(p), os.WriteFile(path, []byte("longer"), 0o600)
	})
	if _, err := Write(change, plainManifest(),
		[]Source{{Name: "f", Path: path}}); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("%v", err)
	}
}

type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// The errors of what lies around a backup stay themselves.
func TestOutside(t *testing.T) {
	t.Parallel()
	file, _ := sample(t)
	full := os.ErrPermission
	_, err := Read(bytes.NewReader(file), func(Member) (io.Writer, error) {
		return writerFunc(func([]byte) (int, error) { return 0, full }), nil
	})
	if err != full {
		t.Errorf("a full sink: %v", err)
	}
	broken := io.MultiReader(bytes.NewReader(file[:3000]), readerFunc(func([]byte) (int, error) {
		return 0, os.ErrDeadlineExceeded
	}))
	if _, _, err := members(broken); err != os.ErrDeadlineExceeded {
		t.Errorf("a broken disk: %v", err)
	}
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

func encrypted(t *testing.T) (file []byte, mine, other age.Identity) {
	t.Helper()
	a, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	b, _ := age.GenerateX25519Identity()
	to, err := ParseRecipient(a.Recipient().String())
	if err != nil {
		t.Fatal(err)
	}
	plain, _ := sample(t)
	var out bytes.Buffer
	w, err := Encrypt(&out, to)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(plain); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes(), a, b
}

func openAndRead(file []byte, keys ...Identity) error {
	r, _, err := Open(bytes.NewReader(file), int64(len(file)), keys)
	if err == nil {
		_, _, err = members(r)
	}
	return err
}

func TestEncrypted(t *testing.T) {
	t.Parallel()
	file, mine, other := encrypted(t)
	if err := openAndRead(file, other, mine); err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(file, []byte(ManifestName)) {
		t.Error("the manifest can be read")
	}
	if err := openAndRead(file); KindOf(err) != NeedsKey {
		t.Errorf("without a key: %v", err)
	}
	if err := openAndRead(file, other); KindOf(err) != WrongKey {
		t.Errorf("with another key: %v", err)
	}
	for at := 0; at < len(file); at += step {
		bad := slices.Clone(file)
		bad[at] ^= 1 << (at % 8)
		if err := openAndRead(bad, mine); err == nil {
			t.Fatalf("byte %d of %d is missed", at, len(file))
		}
	}
	for n := 0; n < len(file); n += 31 {
		if err := openAndRead(file[:n], mine); err == nil {
			t.Fatalf("the first %d of %d bytes pass", n, len(file))
		}
	}
}

// An encrypted file that was cut is told from one with a flip in it by what its
// manifest promises.
func TestEncryptedCut(t *testing.T) {
	t.Parallel()
	a, _ := age.GenerateX25519Identity()
	var plain, out bytes.Buffer
	if _, err := Write(&plain, plainManifest(),
		[]Source{{Name: "qb.db", Data: bytes.Repeat([]byte("x"), 300_000)}}); err != nil {
		t.Fatal(err)
	}
	w, _ := Encrypt(&out, a.Recipient())
	_, _ = w.Write(plain.Bytes())
	_ = w.Close()
	if err := openAndRead(out.Bytes()[:200_000], a); KindOf(err) != Truncated {
		t.Errorf("cut: %v", err)
	}
	bad := out.Bytes()
	bad[200_000] ^= 4
	if err := openAndRead(bad, a); KindOf(err) != Damaged {
		t.Errorf("flipped: %v", err)
	}
}

func TestKeysAreRead(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", "age1", "ssh-ed25519 AAAA", "AGE-SECRET-KEY-1", "age1 age1"} {
		if _, err := ParseRecipient(text); err == nil {
			t.Errorf("recipient %q was accepted", text)
		}
	}
	a, _ := age.GenerateX25519Identity()
	path := filepath.Join(t.TempDir(), "key.txt")
	if err := os.WriteFile(path, []byte("# created: today\n# public key: "+a.Recipient().String()+"\n"+a.String()+"\n"),
		0o600); err != nil {
		t.Fatal(err)
	}
	if list, err := ReadIdentities(path); err != nil || len(list) != 1 {
		t.Errorf("%v, %v", list, err)
	}
	if err := os.WriteFile(path, []byte("AGE-SECRET-KEY-1WRONG\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := ReadIdentities(path); err == nil || strings.Contains(err.Error(), "1WRONG") {
		t.Errorf("%v", err)
	}
	if _, err := ReadIdentities(path + "x"); err == nil {
		t.Error("a missing key file was read")
	}
}

// FuzzRead: no file makes the reader panic, and none passes that is not sealed.
func FuzzRead(f *testing.F) {
	file, _ := sample(f)
	f.Add(file)
	f.Add(file[:2000])
	f.Add([]byte("manifest.json"))
	f.Fuzz(func(t *testing.T, b []byte) {
		_, m, err := members(bytes.NewReader(b))
		if err == nil && (m.Format != format || len(b) < sealSize || !bytes.Contains(b[len(b)-sealSize:], []byte(sealName))) {
			t.Errorf("%d bytes passed: %+v", len(b), m)
		}
	})
}
