#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/sources/csv_source.h"

#include <zlib.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <cmath>

#include "support/temp_dir.h"

namespace anomaly_exporter::sources {
namespace {

using core::ErrorCode;
using core::Timestamp;
using support::TempDir;

std::string write_gz(const TempDir& dir, const std::string& name, const std::string& text) {
  const std::string path = dir.file(name);
  gzFile file = gzopen(path.c_str(), "wb");
  BOOST_REQUIRE(file != nullptr);
  gzwrite(file, text.data(), static_cast<unsigned>(text.size()));
  gzclose(file);
  return path;
}

MetricRequest column(const std::string& name) {
  return {.metric = name, .kind = MetricRequest::Kind::Column, .text = name};
}

std::unique_ptr<MetricSource> open_source(const std::string& path) {
  auto source = make_csv_source({"files", path});
  BOOST_REQUIRE_MESSAGE(source.ok(), (source ? "" : source.error().message));
  return std::move(*source);
}

BOOST_AUTO_TEST_SUITE(csv_source_test)

BOOST_AUTO_TEST_CASE(reads_a_table) {
  const TempDir dir;
  const auto table = read_csv(dir.write("a.csv",
                                        "timestamp,cpu,mem\n"
                                        "1700000000,1.5,2\r\n"
                                        "1700000060.5,,NaN\n"
                                        "1700000060.5,-3e2,+Inf\n"
                                        "2023-11-14T22:15:20Z,4,5"));
  BOOST_REQUIRE_MESSAGE(table.ok(), (table ? "" : table.error().message));
  BOOST_TEST(table->metrics == (std::vector<std::string>{"cpu", "mem"}),
             boost::test_tools::per_element());
  BOOST_REQUIRE(table->rows() == 4U);
  BOOST_TEST(table->times[1].ms == 1'700'000'060'500);
  BOOST_TEST(table->times[3].ms == 1'700'000'120'000);
  BOOST_TEST(table->time_texts[1] == "1700000060.5");
  BOOST_TEST(table->time_texts[3] == "2023-11-14T22:15:20Z");
  BOOST_TEST(table->values[0] == 1.5);
  BOOST_TEST(std::isnan(table->values[2]));
  BOOST_TEST(std::isnan(table->values[3]));
  BOOST_TEST(table->values[4] == -300.0);
  BOOST_TEST(std::isinf(table->values[5]));
}

BOOST_AUTO_TEST_CASE(reads_gzip_by_name) {
  const TempDir dir;
  const auto table = read_csv(write_gz(dir, "a.csv.gz", "timestamp,value\n1,2\n"));
  BOOST_REQUIRE(table.ok());
  BOOST_TEST(table->rows() == 1U);
}

BOOST_AUTO_TEST_CASE(bad_gzip_is_corrupt_and_names_the_file) {
  const TempDir dir;
  std::string rows = "timestamp,value\n";
  for (int i = 0; i < 5000; ++i) rows += std::to_string(i) + "," + std::to_string(i * 7919) + "\n";
  write_gz(dir, "whole.csv.gz", rows);
  const std::string whole = dir.read("whole.csv.gz");
  std::string flipped = whole;
  flipped[flipped.size() / 2] = static_cast<char>(flipped[flipped.size() / 2] ^ 0x55);
  for (const std::string& bytes : {whole.substr(0, whole.size() / 2), flipped,
                                   whole.substr(0, whole.size() - 4), std::string("not gzip")}) {
    const std::string path = dir.write("bad.csv.gz", bytes);
    const auto table = read_csv(path);
    BOOST_REQUIRE(!table.ok());
    BOOST_CHECK(table.error().code == ErrorCode::Corrupt);
    BOOST_TEST(table.error().message.starts_with(path + ": "));
  }
}

BOOST_AUTO_TEST_CASE(missing_files_and_directories_are_told_apart) {
  const TempDir dir;
  BOOST_CHECK(read_csv(dir.file("none.csv")).error().code == ErrorCode::NotFound);
  BOOST_CHECK(read_csv(dir.path().string()).error().code == ErrorCode::Unavailable);
  BOOST_CHECK(make_csv_source({"files", dir.path().string()}).error().code == ErrorCode::NotFound);
  BOOST_TEST(!make_csv_source({"files", dir.file("none.csv")}).ok());
}

struct BadCase {
  const char* name;
  std::string text;
  const char* want;
};
std::ostream& operator<<(std::ostream& out, const BadCase& c) { return out << c.name; }
const BadCase kBad[] = {
    {"empty", "", "line 1, column 1: header starts with \"\", not with \"timestamp\""},
    {"no_header", "1,2\n", "line 1, column 1: header starts with \"1\", not with \"timestamp\""},
    {"no_metric", "timestamp\n", "line 1, column 2: no metric"},
    {"unnamed", "timestamp,a,,b\n", "line 1, column 3: a metric without a name"},
    {"twice", "timestamp,a,a\n", "line 1, column 3: metric \"a\" comes twice"},
    {"quoted", "timestamp,\"a\"\n", "line 1, column 2: metric name \"\"a\"\" is not plain"},
    {"not_utf8", "timestamp,\xff\n", "line 1, column 2: metric name"},
    {"few_cells", "timestamp,a,b\n1,2\n", "line 2, column 2: 2 cells under a header of 3: \"1,2\""},
    {"many_cells", "timestamp,a\n1,2,3\n", "line 2, column 2: 3 cells under a header of 2"},
    {"blank_line", "timestamp,a\n1,2\n\n3,4\n", "line 3, column 1: 1 cells under a header of 2"},
    {"bad_time", "timestamp,a\nnoon,2\n", "line 2, column 1: \"noon\" is not a timestamp"},
    {"backwards", "timestamp,a\n5,2\n4,2\n", "line 3, column 1: time \"4\" is before"},
    {"bad_value", "timestamp,a,b\n5,1,2\n6,3,x7\n", "line 3, column 3: b: \"x7\" is not a number"},
    {"space", "timestamp,a\n5, 1\n", "line 2, column 2: a: \" 1\" is not a number"},
    {"control", "timestamp,a\n5,\x1b[31m\n", "line 2, column 2: a: \" [31m\" is not a number"},
};

BOOST_DATA_TEST_CASE(mistakes_are_named_by_file_line_and_column, boost::unit_test::data::make(kBad),
                     sample) {
  const TempDir dir;
  const std::string path = dir.write("bad.csv", sample.text);
  const auto table = read_csv(path);
  BOOST_REQUIRE(!table.ok());
  BOOST_CHECK(table.error().code == ErrorCode::InvalidArgument);
  BOOST_TEST(table.error().message.starts_with(path + ": " + sample.want), table.error().message);
}

BOOST_AUTO_TEST_CASE(the_unit_of_unix_time_is_told_by_its_size) {
  const TempDir dir;
  for (const char* time : {"1700000000.25", "1700000000250", "1700000000250000",
                           "1700000000250000000", "2023-11-14T22:13:20.25Z"}) {
    const auto table = read_csv(dir.write("a.csv", std::string("timestamp,a\n") + time + ",1\n"));
    BOOST_REQUIRE_MESSAGE(table.ok(), time);
    BOOST_TEST(table->times[0].ms == 1'700'000'000'250, time);
    BOOST_TEST(table->time_texts[0] == time);
  }
  const auto table = read_csv(dir.write("a.csv", "timestamp,a\n-86400,1\n0,1\n7,1\n"));
  BOOST_REQUIRE(table.ok());
  BOOST_TEST(table->times[0].ms == -86'400'000);
  BOOST_TEST(table->times[2].ms == 7'000);
}

BOOST_AUTO_TEST_CASE(the_median_step_ignores_duplicates_and_gaps) {
  const TempDir dir;
  const auto step = [&](const std::string& rows) {
    return read_csv(dir.write("a.csv", "timestamp,v\n" + rows))->median_step();
  };
  BOOST_CHECK(step("0,1\n60,1\n60,1\n120,1\n900,1\n960,1\n") == core::Duration(60'000));
  BOOST_TEST(!step("5,1\n5,1\n").has_value());
  BOOST_TEST(!step("").has_value());
}

BOOST_AUTO_TEST_CASE(latest_serves_the_newest_row_not_older_than_one_and_a_half_steps) {
  const TempDir dir;
  dir.write("a.csv", "timestamp,v\n100,1\n110,2\n110,3\n120,\n130,5\n");
  write_gz(dir, "b.csv.gz", "timestamp,w\n100,7\n");
  dir.write("ignored.txt", "not a table");
  const auto source = open_source(dir.path().string());
  const auto at = [&](std::int64_t ms) {
    const MetricRequest request = column("v");
    auto answers = source->latest({&request, 1}, Timestamp{ms}, {});
    BOOST_REQUIRE(answers.size() == 1U && answers[0].ok());
    return answers[0]->samples;
  };
  BOOST_TEST(at(99'999).empty());
  BOOST_REQUIRE(at(109'999).size() == 1U);
  BOOST_TEST(at(109'999)[0].sample.value == 1.0);
  BOOST_TEST(at(109'999)[0].sample.time.ms == 100'000);
  BOOST_TEST(at(109'999)[0].labels->text() == R"({series="a"})");
  BOOST_TEST(at(115'000)[0].sample.value == 3.0);  // of duplicates the last
  BOOST_TEST(at(125'000).empty());                 // an empty cell is absent
  BOOST_TEST(at(145'000).size() == 1U);
  BOOST_TEST(at(145'001).empty());
}

BOOST_AUTO_TEST_CASE(backfill_lies_on_the_grid) {
  const TempDir dir;
  const auto source = open_source(dir.write("a.csv", "timestamp,v\n100,1\n110,2\n120,3\n150,4\n"));
  std::vector<series::Sample> got;
  const auto status =
      source->backfill(column("v"), Timestamp{95'000}, Timestamp{155'000}, std::chrono::seconds(10),
                       [&](const core::LabelsPtr&, std::span<const series::Sample> samples) {
                         got.insert(got.end(), samples.begin(), samples.end());
                         return core::Status();
                       },
                       {});
  BOOST_REQUIRE(status.ok());
  const std::vector<series::Sample> want = {{Timestamp{105'000}, 1.0},
                                            {Timestamp{115'000}, 2.0},
                                            {Timestamp{125'000}, 3.0},
                                            {Timestamp{135'000}, 3.0},
                                            {Timestamp{155'000}, 4.0}};
  BOOST_TEST((got == want));
  BOOST_CHECK(*source->scrape_interval("", {}, {}) == core::Duration(10'000));
  BOOST_TEST(source->stats().samples == 5U);
}

BOOST_AUTO_TEST_CASE(wrong_requests_fail_alone_and_are_counted) {
  const TempDir dir;
  const auto source = open_source(dir.write("a.csv", "timestamp,v\n100,1\n"));
  MetricRequest query = column("v");
  query.kind = MetricRequest::Kind::Query;
  const MetricRequest requests[] = {query, column("nothing"), column("v")};
  const auto answers = source->latest(requests, Timestamp{100'000}, {});
  BOOST_CHECK(answers[0].error().code == ErrorCode::Unsupported);
  BOOST_CHECK(answers[1].error().code == ErrorCode::NotFound);
  BOOST_TEST(answers[1].error().message == "no file has a column \"nothing\"");
  BOOST_TEST(answers[2]->samples.size() == 1U);
  BOOST_TEST(source->stats().failures == 2U);
  BOOST_TEST(source->stats().failures_by_reason.at("not_found") == 1U);
  BOOST_TEST(source->job_names({})->empty());
}

BOOST_AUTO_TEST_CASE(two_files_of_one_stem_are_refused) {
  const TempDir dir;
  dir.write("a.csv", "timestamp,v\n");
  write_gz(dir, "a.csv.gz", "timestamp,v\n");
  const auto source = make_csv_source({"files", dir.path().string()});
  BOOST_REQUIRE(!source.ok());
  BOOST_TEST(source.error().message.find("would be one series") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::sources
