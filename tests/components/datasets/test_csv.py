"""dataset=csv."""

import csv
import gzip

import pytest

from components.base import ParameterError, UserError
from components.datasets.csv import CsvDataset


@pytest.fixture
def table(tmp_path):
    def write(text, name="a.csv", encoding="utf-8"):
        (tmp_path / name).write_bytes(text.encode(encoding))
        return str(tmp_path / name)

    return write


def test_every_cell_is_text(table):
    path = table('id,text,label\n1,"a, ""b""\nc",x\n2,,NA\n3,007,null\n4,NaN,1.0\n')
    corpus = CsvDataset(path=path, label="label", columns=["id"]).load()
    assert corpus.documents == ['a, "b"\nc', "", "007", "NaN"]
    assert corpus.labels == ["x", "NA", "null", "1.0"]
    assert corpus.columns == {"id": ["1", "2", "3", "4"]}
    assert corpus.blank.tolist() == [False, True, False, False]


def test_gz_byte_order_mark_and_windows_lines(tmp_path):
    path = tmp_path / "a.csv.gz"
    path.write_bytes(gzip.compress(b"\xef\xbb\xbftext,label\r\none,a\r\n\r\ntwo,b\r\n"))
    corpus = CsvDataset(path=str(path), label="label").load()
    assert (corpus.documents, corpus.labels) == (["one", "two"], ["a", "b"])


def test_one_column_may_be_asked_for_twice(table):
    corpus = CsvDataset(path=table("text\nx\n"), label="text").load()
    assert (corpus.documents, corpus.labels) == (["x"], ["x"])


def test_an_empty_line_in_a_single_column_is_an_empty_document(table):
    assert CsvDataset(path=table("text\nx\n\ny\n")).load().documents == ["x", "", "y"]


@pytest.mark.parametrize("separator", ["\t", "\\t", "tab"])
def test_tabs_and_plain_quotes(table, separator):
    path = table('text\tlabel\n6" nails, "loose\tx\n')
    corpus = CsvDataset(path=path, separator=separator, quote=None, label="label").load()
    assert corpus.documents == ['6" nails, "loose']


@pytest.mark.parametrize(("cells", "line"), [("only one", 5), ("a,b,c", 5)])
def test_a_ragged_row_names_its_line(table, cells, line):
    path = table(f'text,label\n"two\nlines",x\none,y\n{cells}\n')
    found = cells.count(",") + 1
    with pytest.raises(UserError, match=rf"line {line}: the row has {found} cells, .* has 2"):
        CsvDataset(path=path).load()


def test_a_quote_that_is_not_closed_names_where_its_row_began(table):
    path = table('text,label\none,x\n"two,y\nthree,z\n')
    with pytest.raises(UserError, match=r"row that starts in line 3.*set quote to null"):
        CsvDataset(path=path).load()


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_the_one_that_gives_the_columns(table, separator):
    path = table(f"nr{separator}text\n1{separator}a, b; c\n".replace("a, b; c", '"a, b; c"'))
    assert CsvDataset(path=path).load().documents == ["a, b; c"]
    with pytest.raises(UserError, match=r"separator=:|no such column"):
        CsvDataset(path=path, separator=":").load()


def test_a_wrong_column_is_an_error(table):
    with pytest.raises(UserError, match=r"'Text', 'label'\. Did you mean 'Text'\?"):
        CsvDataset(path=table("Text,label\na,b\n")).load()


def test_a_missing_label_is_counted_or_an_error(table, caplog):
    path = table("text,label\na,b\nc,\n")
    assert CsvDataset(path=path, label="label").load().labels == ["b", None]
    assert "1 of 2 rows have no label (row 1)." in caplog.text
    with pytest.raises(UserError, match=r"missing=error: .* 1 of 2 rows have no label \(row 1\)"):
        CsvDataset(path=path, label="label", missing="error").load()


@pytest.mark.parametrize("text", ["", "text,label\n", "\n\n"])
def test_nothing_to_read_is_an_error(table, text):
    with pytest.raises(UserError, match=r"is empty|holds no documents"):
        CsvDataset(path=table(text)).load()


def test_not_utf8_is_an_error_and_the_encoding_mends_it(table):
    path = table("text\ncafé\n", encoding="cp1252")
    with pytest.raises(UserError, match=r"byte 8 \(0xe9\), line 2\. .*cp1252"):
        CsvDataset(path=path).load()
    assert CsvDataset(path=path, encoding="cp1252").load().documents == ["café"]


def test_a_book_fits_a_cell_and_the_csv_module_is_left_as_it_was(table):
    before = csv.field_size_limit()
    assert (
        len(CsvDataset(path=table("text\n" + "x" * 300_000 + "\n")).load().documents[0]) == 300_000
    )
    assert csv.field_size_limit() == before


def test_images_lie_beside_the_file(table, tmp_path):
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "a.png").write_bytes(b"")
    path = table("text,picture\ncat,pictures/a.png\ndog,\n")
    corpus = CsvDataset(path=path, image="picture").load()
    assert corpus.images == [str(tmp_path / "pictures" / "a.png"), None]
    corpus = CsvDataset(path=path, text=None, image="picture").load()
    assert corpus.documents == ["", ""]
    assert corpus.blank.tolist() == [False, True]


def test_one_document_and_duplicates(table):
    assert CsvDataset(path=table("text\nx\n")).load().documents == ["x"]
    assert CsvDataset(path=table("text\nx\nx\n")).load().documents == ["x", "x"]


def test_limit(table):
    path = table("text,label\n" + "".join(f"{i},l{i}\n" for i in range(50)))
    corpus = CsvDataset(path=path, label="label", limit=5, seed=0).load()
    assert [f"l{text}" for text in corpus.documents] == corpus.labels
    assert len(corpus) == 5


@pytest.mark.parametrize(
    "wrong",
    [
        {"separator": ""},
        {"separator": "ab"},
        {"quote": ","},
        {"quote": ""},
        {"encoding": "latin-x"},
        {"skip": -1},
        {"limit": 0},
        {"seed": -1},
        {"missing": "drop"},
        {"max_bytes": 0},
        {"text": None},
    ],
)
def test_wrong_settings_fail_before_any_reading(table, wrong):
    with pytest.raises(ParameterError, match=f"^{next(iter(wrong))}="):
        CsvDataset(path=table("text\nx\n"), **wrong)


def test_excels_sep_line_is_no_header(table):
    path = table("sep=;\r\nnr;text\r\n0;a, b\r\n")
    assert CsvDataset(path=path).load().documents == ["a, b"]
    assert CsvDataset(path=path, skip=1).load().documents == ["a, b"]
    path = table('"sep=:"\nTitle\nnr:text\n0:a;b\n')
    assert CsvDataset(path=path, skip=2).load().documents == ["a;b"]


def test_a_title_above_the_header_is_skipped_or_pointed_out(table):
    path = table("Reviews, 2020\n\nnr;text\n0;a\n")
    assert CsvDataset(path=path, skip=2).load().documents == ["a"]
    with pytest.raises(UserError, match=r"Line 3 has it: set skip=2 if that is the header"):
        CsvDataset(path=path).load()
    with pytest.raises(UserError, match=r"line 4: the row has 1 cells"):
        CsvDataset(path=table("Title\nnr,text\n0,a\nTotal 1\n"), skip=1).load()


def test_blanks_around_names_and_before_cells(table):
    path = table('id , text ,label\n0, "a, b" , "x"\n1,c,y\n')
    with pytest.raises(UserError, match=r"expected after"):  # a blank after a quote is an error
        CsvDataset(path=path).load()
    path = table('id , text ,label\n0, "a, b", "x"\n1,c,y\n')
    corpus = CsvDataset(path=path, label="label").load()
    assert (corpus.documents, corpus.labels) == (["a, b", "c"], ["x", "y"])


def test_a_comma_in_a_name_without_quotes(table, caplog):
    path = table("Größe,Text (frei, ohne Limit),x\n1,a,y\n2,b,z\n")
    assert CsvDataset(path=path, text="Text (frei, ohne Limit)").load().documents == ["a", "b"]
    assert "the header is read as ['Größe', 'Text (frei, ohne Limit)', 'x']" in caplog.text


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (r'"She said \"hi\", and left"', 'She said "hi", and left'),
        (r'"\"quoted\""', '"quoted"'),
        (r'"C:\new \\ \"x\" "', 'C:\\new \\ "x" '),
    ],
)
def test_quotes_escaped_by_backslashes(table, cell, expected):
    path = table(f"text,label\n{cell},x\nplain,y\n")
    corpus = CsvDataset(path=path, label="label").load()
    assert (corpus.documents, corpus.labels) == ([expected, "plain"], ["x", "y"])


def test_backslashes_stay_where_quotes_are_doubled(table):
    path = table('text,label\n"C:\\dir\\",x\n"a ""b"" \\n",y\n')
    assert CsvDataset(path=path).load().documents == ["C:\\dir\\", 'a "b" \\n']


def test_empty_cells_beyond_the_header_are_dropped(table):
    path = table("text,label\na,x,,\nb,y,\n   \nc,z\n")
    assert CsvDataset(path=path).load().documents == ["a", "b", "c"]
    with pytest.raises(UserError, match=r"line 2: the row has 3 cells"):
        CsvDataset(path=table("text,label\na,x,y\n")).load()


@pytest.mark.parametrize(
    "encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le", "utf-8-sig"]
)
@pytest.mark.parametrize("mark", ["\ufeff", ""])
def test_unicode_of_every_width(table, encoding, mark):
    path = table(f"{mark}text\tnr\r\nfünf Äpfel\t1\r\n", encoding=encoding)
    assert CsvDataset(path=path).load().documents == ["fünf Äpfel"]


def test_a_header_in_nfd_is_found_in_nfc(table):
    path = table("Gro\u0308ße,nr\nko\u0308nnen,1\n")
    assert CsvDataset(path=path, text="Größe").load().documents == ["können"]


def test_further_columns_and_times(table):
    path = table("text,date,source\na,31.12.2020,x\nb,,\n")
    corpus = CsvDataset(path=path, timestamp="date", columns=["source", "date"]).load()
    assert corpus.columns == {"source": ["x", ""], "date": ["31.12.2020", ""]}
    assert corpus.timestamps.astype(str).tolist() == ["2020-12-31T00:00:00.000000", "NaT"]
    with pytest.raises(ParameterError, match=r"^columns=sorce: .*Did you mean 'source'"):
        CsvDataset(path=path, columns=["sorce"]).load()
    with pytest.raises(ParameterError, match=r"^timestamp=source: 1 of 2 rows hold no time: row 0"):
        CsvDataset(path=path, timestamp="source").load()


def test_a_name_of_several_lines(table):
    path = table('"Full\ntext";nr\na, b;1\n')
    assert CsvDataset(path=path, text="Full\ntext").load().documents == ["a, b"]


def test_a_file_without_names_is_told_that_they_are_in_the_first_line(table):
    with pytest.raises(UserError, match=r"The names are those in the first line"):
        CsvDataset(path=table("a good film,5\na bad one,1\n")).load()


@pytest.mark.parametrize(
    "text",
    [
        '{"text": "a \\"b\\"", "label": "x"}\n{"text": "c", "label": "y"}\n',
        '\n[{"text": "a", "label": "x"}, {"text": "b", "label": "y"}]',
        '{\n  "text": "a"\n}\n',
    ],
)
def test_a_file_of_json_is_told_the_data_set_that_reads_it(table, text):
    with pytest.raises(ParameterError, match=r"a.csv holds JSON: type dataset=jsonl\."):
        CsvDataset(path=table(text)).load()


def test_a_name_may_begin_like_json(table):
    assert CsvDataset(path=table("[text],label\na,x\n"), text="[text]").load().documents == ["a"]
