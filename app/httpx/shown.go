package httpx

// WriteShown writes a number that may be told, and null for one that may not.
func WriteShown[N ~int64](w *Writer, key string, of interface{ Get() (N, bool) }) {
	if n, told := of.Get(); told {
		w.Number(key, int64(n))
		return
	}
	w.Null(key)
}
