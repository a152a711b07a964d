package store

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// walState is what reading a write-ahead log from its start found.
type walState struct {
	frames int // that are whole, from the first on
	behind int // commits that lie behind a broken frame: SQLite will not see them
}

// readWAL follows the checksums of the log beside a database (sqlite.org/fileformat2.html
// "The Write-Ahead Log"). SQLite itself takes the first broken frame for the end of
// the log and silently forgets what is behind it. Frames of an earlier use of the
// log have another salt and end it rightly.
func readWAL(path string) (st walState, err error) {
	f, err := os.Open(filepath.Clean(path + "-wal"))
	if errors.Is(err, fs.ErrNotExist) {
		return st, nil
	}
	if err != nil {
		return st, err
	}
	defer f.Close()
	r := bufio.NewReaderSize(f, 1<<20)
	var head [32]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return st, nil // an empty log
	}
	var order binary.ByteOrder = binary.LittleEndian
	switch binary.BigEndian.Uint32(head[:]) {
	case 0x377f0682:
	case 0x377f0683:
		order = binary.BigEndian
	default:
		return st, nil // not begun
	}
	sum := walSum{order: order}
	sum.add(head[:24])
	page := int(binary.BigEndian.Uint32(head[8:]))
	if !sum.is(head[24:]) || page < 512 || page > 65536 {
		return st, nil
	}
	frame := make([]byte, 24+page)
	for broken := false; ; {
		if _, err := io.ReadFull(r, frame); err != nil {
			return st, nil // the end of the file
		}
		if string(frame[8:16]) != string(head[16:24]) {
			return st, nil // of an earlier use
		}
		if !broken {
			sum.add(frame[:8])
			sum.add(frame[24:])
			broken = !sum.is(frame[16:])
		}
		switch commit := binary.BigEndian.Uint32(frame[4:]) != 0; {
		case !broken:
			st.frames++
		case commit:
			st.behind++
		}
	}
}

// walSum is the running checksum of the log.
type walSum struct {
	order binary.ByteOrder
	a, b  uint32
}

func (s *walSum) add(p []byte) {
	for ; len(p) >= 8; p = p[8:] {
		s.a += s.order.Uint32(p) + s.b
		s.b += s.order.Uint32(p[4:]) + s.a
	}
}

func (s *walSum) is(p []byte) bool {
	return s.a == binary.BigEndian.Uint32(p) && s.b == binary.BigEndian.Uint32(p[4:])
}

// lostInWAL tells of commits behind a broken frame; "" = none. One may be there
// after a power cut: it was under way and acknowledged to nobody. Two cannot: a
// commit is on the disk before the next one begins.
func lostInWAL(path string) string {
	st, err := readWAL(path)
	if err != nil || st.behind < 2 {
		return ""
	}
	return fmt.Sprintf("its log is broken behind frame %d, and %d commits lie beyond: they are lost", st.frames, st.behind)
}
