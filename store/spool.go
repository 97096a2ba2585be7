package store

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
)

// errSpoolFull is returned for records that would make the spool larger than its limit.
var errSpoolFull = errors.New("spool has reached its limit")

// spool is a first-in-first-out queue of lines in a file, where events wait for the database. A record that was taken may
// come again after a crash, since only memory knows how far the file was read; one that push accepted is on disk. It is
// not safe for concurrent use.
type spool struct {
	file    *os.File
	limit   int64 // bytes
	head    int64 // offset of the first record not yet taken
	size    int64
	lengths []int // of the records from head to size, newline included
}

// openSpool opens the file at path or creates it. torn is the number of bytes behind the last newline, which a crash in
// the middle of a write leaves; they are cut off.
func openSpool(path string, limit int64) (s *spool, torn int64, err error) {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, 0, fmt.Errorf("open spool: %w", err)
	}
	s = &spool{file: file, limit: limit}
	if torn, err = s.scan(); err != nil {
		return nil, 0, errors.Join(fmt.Errorf("read spool %s: %w", path, err), file.Close())
	}
	return s, torn, nil
}

// scan finds the records of the file and cuts off a torn one.
func (s *spool) scan() (torn int64, err error) {
	r := bufio.NewReaderSize(s.file, 1<<16)
	length := 0
	for {
		part, err := r.ReadSlice('\n')
		length += len(part)
		switch {
		case err == nil:
			s.lengths = append(s.lengths, length)
			s.size += int64(length)
			length = 0
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF):
			return int64(length), s.file.Truncate(s.size)
		default:
			return 0, err
		}
	}
}

func (s *spool) len() int { return len(s.lengths) }

// push appends records, which must hold no newline, and returns once they are on disk. On an error none is kept.
func (s *spool) push(records [][]byte) error {
	if len(records) == 0 {
		return nil
	}
	var buf bytes.Buffer
	lengths := make([]int, len(records))
	for i, record := range records {
		buf.Write(record)
		buf.WriteByte('\n')
		lengths[i] = len(record) + 1
	}
	if s.size+int64(buf.Len()) > s.limit {
		return errSpoolFull
	}
	_, err := s.file.WriteAt(buf.Bytes(), s.size)
	if err == nil {
		err = s.file.Sync()
	}
	if err != nil {
		return errors.Join(fmt.Errorf("write spool: %w", err), s.file.Truncate(s.size))
	}
	s.size += int64(buf.Len())
	s.lengths = append(s.lengths, lengths...)
	return nil
}

// peek returns the first records, n at most, and leaves them in the spool.
func (s *spool) peek(n int) ([][]byte, error) {
	n = min(n, len(s.lengths))
	total := 0
	for _, length := range s.lengths[:n] {
		total += length
	}
	buf := make([]byte, total)
	if _, err := s.file.ReadAt(buf, s.head); err != nil {
		return nil, fmt.Errorf("read spool: %w", err)
	}
	records := make([][]byte, n)
	for i, length := range s.lengths[:n] {
		records[i], buf = buf[:length-1], buf[length:]
	}
	return records, nil
}

// drop takes the first n records out. The file is emptied with its last record.
func (s *spool) drop(n int) error {
	for _, length := range s.lengths[:n] {
		s.head += int64(length)
	}
	s.lengths = s.lengths[n:]
	if len(s.lengths) > 0 {
		return nil
	}
	s.head, s.size, s.lengths = 0, 0, nil
	if err := s.file.Truncate(0); err != nil {
		return fmt.Errorf("empty spool: %w", err)
	}
	return nil
}

func (s *spool) close() error { return s.file.Close() }
