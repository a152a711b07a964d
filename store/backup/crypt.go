package backup

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
)

// ageMark opens every file that age encrypted.
const ageMark = "age-encryption.org/v1\n"

// Recipient is whom a backup is encrypted for: an age public key.
type Recipient = age.Recipient

// Identity opens a backup: an age private key.
type Identity = age.Identity

// ParseRecipient reads an age public key ("age1…"), as age-keygen prints it.
func ParseRecipient(text string) (Recipient, error) {
	list, err := age.ParseRecipients(strings.NewReader(text))
	if err != nil || len(list) != 1 || !strings.HasPrefix(text, "age1") {
		return nil, errors.New(`want one age public key ("age1…"); 'age-keygen -o key.txt' makes a pair`)
	}
	return list[0], nil
}

// ReadIdentities reads a key file of age-keygen.
func ReadIdentities(path string) ([]Identity, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("identity: %w", err)
	}
	defer f.Close()
	list, err := age.ParseIdentities(io.LimitReader(f, maxListing))
	if err != nil { // age's own words may quote a line of the file, which is a secret
		return nil, fmt.Errorf(`identity: %s holds no age private key ("AGE-SECRET-KEY-…", as age-keygen writes it)`, path)
	}
	return list, nil
}

// Encrypt makes a writer that encrypts to the recipient; Close writes the end.
func Encrypt(w io.Writer, to Recipient) (io.WriteCloser, error) { return age.Encrypt(w, to) }

// Open gives the plain bytes of a backup of size bytes (0 = unknown), decrypted
// where it is encrypted. Refusals are a *Fault.
func Open(r io.Reader, size int64, keys []Identity) (plain io.Reader, encrypted bool, err error) {
	src := &source{r: r}
	b := bufio.NewReaderSize(src, 64<<10)
	start, err := b.Peek(len(ageMark))
	if err != nil && err != io.EOF {
		return nil, false, err
	}
	if string(start) != ageMark {
		return b, false, nil
	}
	if len(keys) == 0 {
		return nil, true, &Fault{Kind: NeedsKey, Text: "give the file of its private key with --identity"}
	}
	d, err := age.Decrypt(b, keys...)
	var other *age.NoIdentityMatchError
	switch {
	case src.err != nil:
		return nil, true, src.err
	case errors.As(err, &other):
		return nil, true, &Fault{Kind: WrongKey,
			Text: "give with --identity the private key of the recipient it was made for (a damaged header looks the same)",
			Err:  err}
	case err != nil && src.ended:
		return nil, true, &Fault{Kind: Truncated, Text: "it ends inside its header", Err: err}
	case err != nil:
		return nil, true, &Fault{Kind: Damaged, Text: "the header of the encryption is not the one that was written",
			Err: err}
	}
	return &opened{d: d, src: src, size: size}, true, nil
}

// source remembers how the reading below the decryption ended.
type source struct {
	r     io.Reader
	err   error
	ended bool
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err == io.EOF {
		s.ended = true
	} else if err != nil {
		s.err = err
	}
	return n, err
}

// opened is the decrypted stream. age authenticates every 64 KiB, so that no
// changed byte comes through.
type opened struct {
	d    io.Reader
	src  *source
	size int64
	n    int64
}

func (o *opened) Read(p []byte) (int, error) {
	n, err := o.d.Read(p)
	o.n += int64(n)
	if err == nil || err == io.EOF {
		return n, err
	}
	if o.src.err != nil {
		return n, o.src.err
	}
	return n, &Fault{Kind: Damaged,
		Text: fmt.Sprintf("the encrypted bytes behind %d are not those that were written, or are missing", o.n), Err: err}
}

// shorter tells that the encrypted file has too few bytes for so many plain ones:
// age adds 16 for each 64 KiB.
func (o *opened) shorter(plain int64) bool {
	return o.size > 0 && o.size < plain+(plain+65535)/65536*16
}
