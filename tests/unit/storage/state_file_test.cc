#include "anomaly_exporter/storage/state_file.h"

#define BOOST_TEST_DYN_LINK
#include <sys/resource.h>
#include <sys/stat.h>

#include <boost/test/data/test_case.hpp>
#include <boost/test/unit_test.hpp>
#include <csignal>
#include <cstdint>
#include <filesystem>
#include <iterator>
#include <ostream>
#include <string>

#include "anomaly_exporter/core/state_io.h"
#include "support/temp_dir.h"

namespace anomaly_exporter::storage {
namespace {

BOOST_AUTO_TEST_SUITE(state_file_test)

using core::ErrorCode;
using support::TempDir;
namespace fs = std::filesystem;

const std::string kPayload = std::string("profiles\0\xFF\n", 11) + std::string(5000, 'p');

std::string sealed(std::string_view payload) {
  return state_header(payload) + std::string(payload);
}

std::size_t files_in(const TempDir& directory) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(directory.path()), fs::directory_iterator()));
}

BOOST_AUTO_TEST_CASE(the_envelope_has_the_documented_layout) {
  const std::string want(
      "AESTATE\n"
      "\x01\x00\x00\x00"
      "\x09\x00\x00\x00\x00\x00\x00\x00"
      "\x83\x92\x06\xE3"  // the check value of CRC-32C
      "123456789",
      kStateHeaderBytes + 9);
  BOOST_TEST(sealed("123456789") == want);
}

BOOST_AUTO_TEST_CASE(opens_what_it_sealed) {
  for (const std::string& payload : {std::string(), std::string("x"), kPayload}) {
    const std::string bytes = sealed(payload);
    const auto opened = open_envelope(bytes);
    BOOST_TEST_REQUIRE(opened.ok());
    BOOST_TEST(*opened == payload);
  }
}

struct Damage {
  std::string name;
  std::string bytes;
  ErrorCode code;
  std::string message;
};
std::ostream& operator<<(std::ostream& out, const Damage& d) { return out << d.name; }

std::string with_version(std::uint32_t version) {
  core::StateWriter writer;
  writer.u32(version);
  return sealed("payload").replace(8, 4, writer.bytes());
}

std::string with_length(std::uint64_t length) {
  core::StateWriter writer;
  writer.u64(length);
  return sealed("payload").replace(12, 8, writer.bytes());
}

const Damage kDamages[] = {
    {"empty", "", ErrorCode::Corrupt, "shorter than its header"},
    {"header cut", sealed("payload").substr(0, 23), ErrorCode::Corrupt, "shorter than its header"},
    {"another format", "SQLite format 3 and more text", ErrorCode::Corrupt,
     "does not start as a state file"},
    {"magic with CR", sealed("payload").replace(7, 1, "\r"), ErrorCode::Corrupt,
     "does not start as a state file"},
    {"version 0", with_version(0), ErrorCode::Unsupported,
     "format version 0, this program knows up to 1"},
    {"next version", with_version(kStateFormatVersion + 1), ErrorCode::Unsupported,
     "format version 2, this program knows up to 1"},
    {"largest version", with_version(0xFFFFFFFF), ErrorCode::Unsupported,
     "format version 4294967295, this program knows up to 1"},
    {"payload cut", sealed("payload").substr(0, 30), ErrorCode::Corrupt,
     "payload of 6 bytes, its header says 7"},
    {"bytes behind the payload", sealed("payload") + "x", ErrorCode::Corrupt,
     "payload of 8 bytes, its header says 7"},
    {"length of 0", with_length(0), ErrorCode::Corrupt, "payload of 7 bytes, its header says 0"},
    {"length of 2^64 - 1", with_length(~std::uint64_t{0}), ErrorCode::Corrupt,
     "payload of 7 bytes, its header says 18446744073709551615"},
    {"checksum", sealed("payload").replace(20, 1, "?"), ErrorCode::Corrupt,
     "checksum of the payload does not match"},
    {"payload", sealed("payload").replace(30, 1, "?"), ErrorCode::Corrupt,
     "checksum of the payload does not match"},
};

BOOST_DATA_TEST_CASE(refuses_damaged_envelopes, boost::unit_test::data::make(kDamages)) {
  const auto opened = open_envelope(sample.bytes);
  BOOST_TEST_REQUIRE(!opened.ok());
  BOOST_TEST((opened.error().code == sample.code));
  BOOST_TEST(opened.error().message == sample.message);
}

BOOST_DATA_TEST_CASE(refuses_damaged_files_in_the_same_words_with_their_path,
                     boost::unit_test::data::make(kDamages)) {
  const TempDir directory;
  const std::string path = directory.write("state", sample.bytes);
  const auto read = read_state_file(path);
  BOOST_TEST_REQUIRE(!read.ok());
  BOOST_TEST((read.error().code == sample.code));
  BOOST_TEST(read.error().message.starts_with(path + ": "));
  BOOST_TEST(read.error().message.ends_with(sample.message));
}

BOOST_AUTO_TEST_CASE(every_truncation_and_every_flipped_byte_is_noticed) {
  const std::string whole = sealed("some profiles");
  for (std::size_t size = 0; size < whole.size(); ++size) {
    BOOST_TEST(!open_envelope(std::string_view(whole).substr(0, size)).ok());
  }
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string flipped = whole;
    flipped[at] = static_cast<char>(flipped[at] ^ 0x10);
    BOOST_TEST(!open_envelope(flipped).ok(), "byte " << at);
  }
}

BOOST_AUTO_TEST_CASE(reads_back_what_it_wrote_and_leaves_nothing_beside_it) {
  const TempDir directory;
  const std::string path = directory.file("state");
  BOOST_TEST(write_state_file(path, kPayload).ok());
  BOOST_TEST(directory.read("state") == sealed(kPayload));
  const auto read = read_state_file(path);
  BOOST_TEST_REQUIRE(read.ok());
  BOOST_TEST(*read == kPayload);
  BOOST_TEST(files_in(directory) == 1U);
}

BOOST_AUTO_TEST_CASE(replaces_an_earlier_file_and_a_left_over_of_a_crash) {
  const TempDir directory;
  const std::string path = directory.write("state", "old and longer than the new one");
  directory.write("state.new", std::string(100'000, 'x'));
  BOOST_TEST(write_state_file(path, "new").ok());
  const auto read = read_state_file(path);
  BOOST_TEST_REQUIRE(read.ok());
  BOOST_TEST(*read == "new");
  BOOST_TEST(files_in(directory) == 1U);
}

BOOST_AUTO_TEST_CASE(a_half_written_new_file_does_not_hide_the_old_one) {
  const TempDir directory;
  const std::string path = directory.file("state");
  BOOST_TEST(write_state_file(path, "old").ok());
  directory.write("state.new", sealed("newer").substr(0, 26));
  const auto read = read_state_file(path);
  BOOST_TEST_REQUIRE(read.ok());
  BOOST_TEST(*read == "old");
}

BOOST_AUTO_TEST_CASE(others_on_the_machine_cannot_read_it) {
  const TempDir directory;
  const std::string path = directory.file("state");
  BOOST_TEST(write_state_file(path, "x").ok());
  struct stat about {};
  BOOST_TEST_REQUIRE(::stat(path.c_str(), &about) == 0);
  BOOST_TEST((about.st_mode & 07) == 0U);
}

BOOST_AUTO_TEST_CASE(writing_into_a_missing_directory_names_the_path_and_the_reason) {
  const TempDir directory;
  const std::string path = directory.file("missing/state");
  const auto status = write_state_file(path, "x");
  BOOST_TEST_REQUIRE(!status.ok());
  BOOST_TEST((status.error().code == ErrorCode::Unavailable));
  BOOST_TEST(status.error().message == path + ".new: cannot create: No such file or directory");
}

BOOST_AUTO_TEST_CASE(a_failed_rename_leaves_no_new_file) {
  const TempDir directory;
  directory.write("state/inner", "a directory stands in the way");
  const std::string path = directory.file("state");
  const auto status = write_state_file(path, "x");
  BOOST_TEST_REQUIRE(!status.ok());
  BOOST_TEST(status.error().message == path + ": cannot replace: Is a directory");
  BOOST_TEST(!fs::exists(path + ".new"));
}

/// Lets no file of this process grow beyond `bytes`: a write then fails as on a full disk.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    BOOST_REQUIRE(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
    const rlimit limit{bytes, before_.rlim_max};
    BOOST_REQUIRE(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
  }
  ~FileSizeLimit() {
    ::setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;

 private:
  void (*handler_)(int);
  rlimit before_{};
};

BOOST_AUTO_TEST_CASE(a_write_that_runs_out_of_room_leaves_the_old_file_alone) {
  const TempDir directory;
  const std::string path = directory.file("state");
  BOOST_TEST(write_state_file(path, "old").ok());
  core::Status status;
  {
    const FileSizeLimit limit(1000);
    status = write_state_file(path, kPayload);
  }
  BOOST_TEST_REQUIRE(!status.ok());
  BOOST_TEST((status.error().code == ErrorCode::Unavailable));
  BOOST_TEST(status.error().message == path + ".new: cannot write: File too large");
  BOOST_TEST(files_in(directory) == 1U);
  const auto read = read_state_file(path);
  BOOST_TEST_REQUIRE(read.ok());
  BOOST_TEST(*read == "old");
}

BOOST_AUTO_TEST_CASE(does_not_write_through_a_link_laid_in_its_way) {
  const TempDir directory;
  const std::string path = directory.file("state");
  const std::string elsewhere = directory.write("elsewhere", "precious");
  fs::create_symlink(elsewhere, path + ".new");
  const auto status = write_state_file(path, "x");
  BOOST_TEST_REQUIRE(!status.ok());
  BOOST_TEST((status.error().code == ErrorCode::Unavailable));
  BOOST_TEST(directory.read("elsewhere") == "precious");
}

BOOST_AUTO_TEST_CASE(a_missing_file_is_not_found) {
  const TempDir directory;
  const auto read = read_state_file(directory.file("state"));
  BOOST_TEST_REQUIRE(!read.ok());
  BOOST_TEST((read.error().code == ErrorCode::NotFound));
  BOOST_TEST(read.error().message ==
             directory.file("state") + ": cannot open: No such file or directory");
}

BOOST_AUTO_TEST_CASE(directories_and_pipes_are_refused_without_waiting) {
  const TempDir directory;
  const std::string pipe = directory.file("pipe");
  BOOST_TEST_REQUIRE(::mkfifo(pipe.c_str(), 0600) == 0);
  for (const std::string& path : {directory.path().string(), pipe}) {
    const auto read = read_state_file(path);
    BOOST_TEST_REQUIRE(!read.ok());
    BOOST_TEST((read.error().code == ErrorCode::Unavailable));
    BOOST_TEST(read.error().message == path + ": not a regular file");
  }
}

BOOST_AUTO_TEST_CASE(a_file_above_the_limit_is_not_loaded) {
  const TempDir directory;
  const std::string path = directory.write("state", sealed("x"));
  // Sparse: takes no room on the disk.
  fs::resize_file(path, kMaxStateFileBytes + 1);
  const auto read = read_state_file(path);
  BOOST_TEST_REQUIRE(!read.ok());
  BOOST_TEST((read.error().code == ErrorCode::Exhausted));
  BOOST_TEST(read.error().message == path + ": 4294967297 bytes, the limit is 4294967296");
}

BOOST_AUTO_TEST_CASE(a_large_file_with_a_small_header_is_refused_before_it_is_loaded) {
  const TempDir directory;
  const std::string path = directory.write("state", sealed("x"));
  fs::resize_file(path, kMaxStateFileBytes);
  const auto read = read_state_file(path);
  BOOST_TEST_REQUIRE(!read.ok());
  BOOST_TEST(read.error().message == path + ": payload of 4294967272 bytes, its header says 1");
}

BOOST_AUTO_TEST_CASE(sets_a_damaged_file_aside_and_replaces_an_earlier_one) {
  const TempDir directory;
  const std::string path = directory.write("state", "second");
  directory.write("state.damaged", "first");
  BOOST_TEST(set_aside(path).ok());
  BOOST_TEST(!fs::exists(path));
  BOOST_TEST(directory.read("state.damaged") == "second");
}

BOOST_AUTO_TEST_CASE(setting_aside_a_missing_file_fails) {
  const TempDir directory;
  const auto status = set_aside(directory.file("state"));
  BOOST_TEST_REQUIRE(!status.ok());
  BOOST_TEST((status.error().code == ErrorCode::Unavailable));
}

BOOST_AUTO_TEST_CASE(a_file_of_version_1_still_loads) {
  const auto read = read_state_file(AE_TEST_DATA "/golden/state_v1.bin");
  BOOST_TEST_REQUIRE(read.ok());
  core::StateReader reader(*read);
  BOOST_TEST(reader.text() == "golden state of envelope version 1");
  BOOST_TEST(reader.u32() == 42U);
  BOOST_TEST(reader.f64() == 0.1);
  BOOST_TEST(reader.ok());
  BOOST_TEST(reader.remaining() == 0U);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::storage
