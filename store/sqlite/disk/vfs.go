package disk

import (
	"bytes"
	"errors"
	"path/filepath"
	"sync"
	"unsafe"

	"modernc.org/libc"
	sqlite "modernc.org/sqlite/lib"
)

// SQLite reaches files through a table of functions (sqlite.org/vfs.html). Ours
// is a copy of the system's own whose xOpen puts a copy of the file's methods in
// place, so that five of them pass by here; everything else is as it was.

type (
	xOpen  = func(*libc.TLS, uintptr, uintptr, uintptr, int32, uintptr) int32
	xDel   = func(*libc.TLS, uintptr, uintptr, int32) int32
	xClose = func(*libc.TLS, uintptr) int32
	xWrite = func(*libc.TLS, uintptr, uintptr, int32, int64) int32
	xTrunc = func(*libc.TLS, uintptr, int64) int32
	xSync  = func(*libc.TLS, uintptr, int32) int32
)

var (
	once    sync.Once
	failed  error
	system  sqlite.Tsqlite3_vfs // the functions as they were
	methods sync.Map            // the real table's address → ours
)

// register makes our table the default of this process, once.
func register() error {
	once.Do(func() {
		tls := libc.NewTLS()
		defer tls.Close()
		if rc := sqlite.Xsqlite3_initialize(tls); rc != sqlite.SQLITE_OK {
			failed = errors.New("disk: SQLite does not start")
			return
		}
		p := sqlite.Xsqlite3_vfs_find(tls, 0)
		if p == 0 {
			failed = errors.New("disk: SQLite knows no system")
			return
		}
		system = *at[sqlite.Tsqlite3_vfs](p)
		ours := system
		ours.FxOpen, ours.FxDelete = address(xOpen(open)), address(xDel(remove))
		ours.FzName, failed = libc.CString("qb-disk")
		to := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(ours)))
		if failed != nil || to == 0 {
			failed = errors.New("disk: no memory")
			return
		}
		*at[sqlite.Tsqlite3_vfs](to) = ours
		if rc := sqlite.Xsqlite3_vfs_register(tls, to, 1); rc != sqlite.SQLITE_OK {
			failed = errors.New("disk: SQLite refuses it")
		}
	})
	return failed
}

// at reads an address of C memory as what lies there.
func at[T any](p uintptr) *T { return *(**T)(unsafe.Pointer(&p)) }

// address is how C code of this translation calls a Go function.
func address[F any](f F) uintptr { return *(*uintptr)(unsafe.Pointer(&f)) }

// function is the reverse.
func function[F any](p uintptr) F { return *(*F)(unsafe.Pointer(&p)) }

func open(tls *libc.TLS, vfs, name, f uintptr, flags int32, out uintptr) int32 {
	d, watched := any(nil), false
	path := ""
	if name != 0 {
		path = libc.GoString(name)
		if d, watched = disks.Load(filepath.Dir(path)); watched {
			d.(*Disk).found(filepath.Base(path))
		}
	}
	rc := function[xOpen](system.FxOpen)(tls, vfs, name, f, flags, out)
	if rc != sqlite.SQLITE_OK || !watched {
		return rc
	}
	file := at[sqlite.Tsqlite3_file](f)
	opened.Store(f, handle{d.(*Disk), filepath.Base(path), file.FpMethods})
	file.FpMethods = ourMethods(tls, file.FpMethods)
	return rc
}

// ourMethods is the copy of a table of file methods.
func ourMethods(tls *libc.TLS, real uintptr) uintptr {
	if p, ok := methods.Load(real); ok {
		return p.(uintptr)
	}
	ours := *at[sqlite.Tsqlite3_io_methods](real)
	ours.FxClose, ours.FxWrite = address(xClose(shut)), address(xWrite(put))
	ours.FxTruncate, ours.FxSync = address(xTrunc(truncate)), address(xSync(flush))
	p := libc.Xmalloc(tls, libc.Tsize_t(unsafe.Sizeof(ours)))
	*at[sqlite.Tsqlite3_io_methods](p) = ours
	methods.Store(real, p)
	return p
}

func of(f uintptr) (handle, *sqlite.Tsqlite3_io_methods) {
	h, _ := opened.Load(f)
	return h.(handle), at[sqlite.Tsqlite3_io_methods](h.(handle).methods)
}

func remove(tls *libc.TLS, vfs, name uintptr, syncDir int32) int32 {
	path := libc.GoString(name)
	rc := function[xDel](system.FxDelete)(tls, vfs, name, syncDir)
	if d, watched := disks.Load(filepath.Dir(path)); watched && rc == sqlite.SQLITE_OK {
		d.(*Disk).deleted(filepath.Base(path))
	}
	return rc
}

func shut(tls *libc.TLS, f uintptr) int32 {
	h, real := of(f)
	opened.Delete(f)
	at[sqlite.Tsqlite3_file](f).FpMethods = h.methods
	return function[xClose](real.FxClose)(tls, f)
}

func put(tls *libc.TLS, f, buf uintptr, n int32, offset int64) int32 {
	h, real := of(f)
	if rc := h.d.ask("write", h.name); rc != OK {
		return rc
	}
	rc := function[xWrite](real.FxWrite)(tls, f, buf, n, offset)
	if rc == sqlite.SQLITE_OK {
		h.d.did(h.name, write{offset, bytes.Clone(libc.GoBytes(buf, int(n)))}) // the buffer is SQLite's
	}
	return rc
}

func truncate(tls *libc.TLS, f uintptr, size int64) int32 {
	h, real := of(f)
	if rc := h.d.ask("truncate", h.name); rc != OK {
		return rc
	}
	rc := function[xTrunc](real.FxTruncate)(tls, f, size)
	if rc == sqlite.SQLITE_OK {
		h.d.did(h.name, write{at: size})
	}
	return rc
}

func flush(tls *libc.TLS, f uintptr, flags int32) int32 {
	h, real := of(f)
	if rc := h.d.ask("sync", h.name); rc != OK {
		return rc
	}
	rc := function[xSync](real.FxSync)(tls, f, flags)
	if rc == sqlite.SQLITE_OK {
		h.d.synced(h.name)
	}
	return rc
}
