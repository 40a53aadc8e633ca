#define BOOST_TEST_DYN_LINK
#include "anomaly_exporter/storage/model_store.h"

#include <boost/test/unit_test.hpp>
#include <filesystem>
#include <set>

#include "anomaly_exporter/core/checksum.h"
#include "anomaly_exporter/core/state_io.h"
#include "anomaly_exporter/storage/state_file.h"
#include "support/temp_dir.h"

namespace anomaly_exporter::storage {
namespace {

namespace fs = std::filesystem;
using core::ErrorCode;

const std::string kMonitor = "web";
const std::string kDetector = "forest";

struct Fixture {
  support::TempDir directory;
  ModelStore store{directory.path().string()};

  static StoredModel model(const std::string& body, const std::string& parameters = "p") {
    StoredModel m;
    m.metadata.created = {1'700'000'000'000};
    m.metadata.first = {1'600'000'000'000};
    m.metadata.last = {1'650'000'000'000};
    m.metadata.samples = 1234;
    m.metadata.entities = 7;
    m.metadata.parameters = parameters;
    m.metadata.figures = {{"recall", 0.75}, {"loss", 1e-9}};
    m.metadata.origin = ModelOrigin::Drift;
    m.metadata.parent = 3;
    m.metadata.verdict = "accepted: better";
    m.metadata.in_sample = true;
    m.body = body;
    return m;
  }
  unsigned save(const std::string& body, const std::string& parameters = "p") const {
    return store.save(kMonitor, kDetector, model(body, parameters)).value();
  }
  std::string folder() const { return directory.file("models/web/forest"); }
  std::string path(unsigned version) const { return store.path_of(kMonitor, kDetector, version); }
  void overwrite(const std::string& path, std::string_view bytes) const {
    std::ofstream(path, std::ios::binary) << bytes;
  }
  /// Flips one byte of a file.
  void damage(const std::string& path, std::size_t at) const {
    std::fstream file(path, std::ios::binary | std::ios::in | std::ios::out);
    file.seekg(static_cast<std::streamoff>(at));
    const char byte = static_cast<char>(file.get() ^ 0x55);
    file.seekp(static_cast<std::streamoff>(at));
    file.put(byte);
  }
  ModelStore::Recovery recover(std::string* body = nullptr,
                               const std::string& parameters = "p") const {
    return store.recover(kMonitor, kDetector, parameters, [&](const StoredModel& m) {
      if (body != nullptr) *body = m.body;
      return core::Status{};
    });
  }
};

BOOST_FIXTURE_TEST_SUITE(model_store_test, Fixture)

BOOST_AUTO_TEST_CASE(a_model_comes_back_with_all_that_is_known_of_it) {
  BOOST_TEST(save("the body") == 1U);
  BOOST_TEST(store.current(kMonitor, kDetector).value() == 1U);
  const auto loaded = store.load(kMonitor, kDetector, 1);
  BOOST_REQUIRE(loaded.ok());
  BOOST_TEST(loaded->body == "the body");
  const auto all = store.list(kMonitor, kDetector);
  BOOST_REQUIRE(all.size() == 1U);
  for (const ModelMetadata& m : {loaded->metadata, all[0]}) {
    BOOST_TEST(m.version == 1U);
    BOOST_TEST(m.created.ms == 1'700'000'000'000);
    BOOST_TEST(m.first.ms == 1'600'000'000'000);
    BOOST_TEST(m.last.ms == 1'650'000'000'000);
    BOOST_TEST(m.samples == 1234U);
    BOOST_TEST(m.entities == 7U);
    BOOST_TEST(m.parameters == "p");
    BOOST_REQUIRE(m.figures.size() == 2U);
    BOOST_TEST(m.figures[1].first == "loss");
    BOOST_TEST(m.figures[1].second == 1e-9);
    BOOST_TEST((m.origin == ModelOrigin::Drift));
    BOOST_TEST(m.parent == 3U);
    BOOST_TEST(m.verdict == "accepted: better");
    BOOST_TEST(m.in_sample);
  }
  BOOST_TEST(fs::path(path(1)).filename().string() == "000001.model");
}

BOOST_AUTO_TEST_CASE(what_is_there_is_listed) {
  BOOST_TEST(store.monitors().empty());
  BOOST_TEST(store.list(kMonitor, kDetector).empty());
  save("a");
  (void)store.save("db", "lstm", model("b")).value();
  (void)store.save("db", "forest", model("b")).value();
  BOOST_TEST((store.monitors() == std::vector<std::string>{"db", "web"}));
  BOOST_TEST((store.detectors("db") == std::vector<std::string>{"forest", "lstm"}));
}

BOOST_AUTO_TEST_CASE(names_that_lead_out_of_the_folder_are_refused) {
  for (const char* name : {"", "..", "a/b", "/etc", "a.b", "a b"}) {
    const auto saved = store.save(name, kDetector, model("x"));
    BOOST_REQUIRE(!saved.ok());
    BOOST_TEST((saved.error().code == ErrorCode::InvalidArgument));
    BOOST_TEST(!store.save(kMonitor, name, model("x")).ok());
    BOOST_TEST(!store.load(name, kDetector, 1).ok());
    BOOST_TEST(!store.current(name, kDetector).ok());
    BOOST_TEST(store.detectors(name).empty());
  }
  BOOST_TEST(fs::is_empty(directory.path()));
}

BOOST_AUTO_TEST_CASE(the_newest_are_kept_and_so_are_the_one_in_use_and_its_parent) {
  for (int i = 0; i < 8; ++i) save("x");
  auto all = store.list(kMonitor, kDetector);
  // Each names version 3 as its parent.
  BOOST_REQUIRE(all.size() == 6U);
  BOOST_TEST(all[0].version == 3U);
  BOOST_TEST(all[1].version == 4U);
  BOOST_TEST(all[5].version == 8U);
}

BOOST_AUTO_TEST_CASE(a_version_is_given_once) {
  save("a");
  save("b");
  BOOST_REQUIRE(store.set_current(kMonitor, kDetector, 1).ok());
  BOOST_TEST(save("c") == 3U);
  BOOST_TEST(store.current(kMonitor, kDetector).value() == 3U);
  fs::rename(path(3), path(3) + ".damaged");
  BOOST_TEST(save("d") == 4U);
}

BOOST_AUTO_TEST_CASE(going_back_needs_a_version_that_can_be_read) {
  save("a");
  save("b");
  const auto missing = store.set_current(kMonitor, kDetector, 9);
  BOOST_REQUIRE(!missing.ok());
  BOOST_TEST((missing.error().code == ErrorCode::NotFound));
  damage(path(1), 40);
  BOOST_TEST(!store.set_current(kMonitor, kDetector, 1).ok());
  BOOST_TEST(store.current(kMonitor, kDetector).value() == 2U);
}

BOOST_AUTO_TEST_CASE(a_damaged_current_model_is_set_aside_and_the_one_before_goes_on) {
  save("one");
  save("two");
  save("three");
  damage(path(3), fs::file_size(path(3)) - 1);
  std::string body;
  const auto recovery = recover(&body);
  BOOST_REQUIRE(recovery.model.has_value());
  BOOST_TEST(recovery.model->version == 2U);
  BOOST_TEST(recovery.is_fallback);
  BOOST_TEST(body == "two");
  BOOST_REQUIRE(recovery.problems.size() == 1U);
  BOOST_TEST(recovery.problems[0].find("checksum") != std::string::npos);
  BOOST_TEST(fs::exists(path(3) + ".damaged"));
  BOOST_TEST(store.current(kMonitor, kDetector).value() == 2U);
  const auto again = recover();
  BOOST_TEST(again.problems.empty());
  BOOST_TEST(!again.is_fallback);
}

BOOST_AUTO_TEST_CASE(a_version_that_was_taken_back_is_the_last_resort) {
  save("one");
  save("two");
  save("bad");
  BOOST_REQUIRE(store.set_current(kMonitor, kDetector, 2).ok());
  damage(path(2), 30);
  BOOST_TEST(recover().model->version == 1U);
  damage(path(1), 30);
  BOOST_TEST(recover().model->version == 3U);
  damage(path(3), 30);
  BOOST_TEST(!recover().model.has_value());
}

BOOST_AUTO_TEST_CASE(bytes_that_the_detector_refuses_are_set_aside_too) {
  save("good");
  save("refused");
  const auto recovery =
      store.recover(kMonitor, kDetector, "p", [](const StoredModel& m) -> core::Status {
        if (m.body == "good") return {};
        return core::Error{ErrorCode::Corrupt, "no such tree"};
      });
  BOOST_REQUIRE(recovery.model.has_value());
  BOOST_TEST(recovery.model->version == 1U);
  BOOST_TEST(fs::exists(path(2) + ".damaged"));
}

BOOST_AUTO_TEST_CASE(models_of_other_options_are_passed_over_and_left_alone) {
  save("old options", "p");
  save("new options", "q");
  std::string body;
  auto recovery = recover(&body, "p");
  BOOST_TEST(recovery.model->version == 1U);
  BOOST_TEST(body == "old options");
  BOOST_TEST(fs::exists(path(2)));
  BOOST_TEST(store.current(kMonitor, kDetector).value() == 2U);
  recovery = recover(&body, "r");
  BOOST_TEST(!recovery.model.has_value());
  BOOST_REQUIRE(recovery.problems.size() == 1U);  // not one for every old version
  BOOST_TEST(recovery.problems[0] ==
             "2 versions, 2 the first of them, were made with other options");
  BOOST_TEST(fs::exists(path(1)));
}

BOOST_AUTO_TEST_CASE(a_file_that_does_not_say_is_in_sample_where_it_has_no_parent) {
  for (const unsigned parent : {0U, 3U}) {
    StoredModel old = model("body");
    old.metadata.parent = parent;
    old.metadata.in_sample = parent != 0;  // the opposite, were it read
    const unsigned version = store.save(kMonitor, kDetector, old).value();
    const std::string payload = read_state_file(path(version)).value();
    core::StateReader head(payload);
    const std::uint32_t format = head.u32();
    (void)head.u32();
    std::string metadata(head.text());
    metadata.pop_back();  // as it was written before
    core::StateWriter out;
    out.u32(format);
    out.u32(core::crc32c(metadata));
    out.text(metadata);
    BOOST_REQUIRE(write_state_file(path(version), out.take() + "body").ok());
    const auto read = store.load(kMonitor, kDetector, version);
    BOOST_REQUIRE(read.ok());
    BOOST_TEST(read->body == "body");
    BOOST_TEST(read->metadata.in_sample == (parent == 0));
  }
}

BOOST_AUTO_TEST_CASE(what_no_configuration_names_expires_and_what_is_used_stays) {
  using std::chrono::hours;
  const core::Timestamp start{1'700'000'000'000};
  const core::Duration day = hours(24);
  save("used");
  (void)store.save(kMonitor, "other", model("unused")).value();
  (void)store.save("gone", kDetector, model("unused")).value();
  BOOST_TEST(store.note_use(kMonitor, kDetector, start).ok());
  BOOST_TEST(store.note_use(kMonitor, "never_saved", start).ok());
  BOOST_TEST(store.expire(start, day * 90).empty());  // the others count as used now
  BOOST_TEST(store.expire(start + day * 90, day * 90).empty());
  BOOST_TEST(store.expire(start - day, day * 90).empty());  // the clock was set back
  BOOST_TEST(store.expire(start + day * 89, day * 90).empty());
  BOOST_TEST(store.note_use(kMonitor, kDetector, start + day * 89).ok());
  const std::vector<std::string> removed{"gone/forest", "web/other"};
  BOOST_TEST(store.expire(start + day * 90, day * 90) == removed, boost::test_tools::per_element());
  BOOST_TEST(store.monitors() == std::vector<std::string>{kMonitor},
             boost::test_tools::per_element());
  BOOST_TEST(store.detectors(kMonitor) == std::vector<std::string>{kDetector},
             boost::test_tools::per_element());
  BOOST_TEST(store.load(kMonitor, kDetector, 1).value().body == "used");
}

/// Every state in which a kill can leave the folder between the steps of a save.
BOOST_AUTO_TEST_CASE(a_save_cut_short_anywhere_leaves_a_good_current_model) {
  save("one");
  save("two");
  const std::string model_two = directory.read("models/web/forest/000002.model");
  const std::string pointer_two = directory.read("models/web/forest/current");
  save("three");
  const std::string model_three = directory.read("models/web/forest/000003.model");
  const std::string pointer_three = directory.read("models/web/forest/current");

  // While the model is written aside: nothing, a part, all of it.
  for (const std::size_t written : {std::size_t{0}, std::size_t{10}, model_three.size()}) {
    fs::remove(path(3));
    overwrite(folder() + "/current", pointer_two);
    overwrite(path(3) + ".new", model_three.substr(0, written));
    std::string body;
    const auto recovery = recover(&body);
    BOOST_REQUIRE(recovery.model.has_value());
    BOOST_TEST(body == "two");
    BOOST_TEST(recovery.problems.empty());
  }
  // The model stands, the pointer is being written aside.
  overwrite(path(3), model_three);
  for (const std::size_t written : {std::size_t{0}, std::size_t{7}, pointer_three.size()}) {
    overwrite(folder() + "/current.new", pointer_three.substr(0, written));
    std::string body;
    BOOST_REQUIRE(recover(&body).model.has_value());
    BOOST_TEST(body == "two");
  }
  // The pointer has been renamed, old versions and leftovers are not removed yet.
  overwrite(folder() + "/current", pointer_three);
  std::string body;
  BOOST_REQUIRE(recover(&body).model.has_value());
  BOOST_TEST(body == "three");
  // The next save clears up.
  save("four");
  std::set<std::string> names;
  for (const auto& entry : fs::directory_iterator(folder())) {
    names.insert(entry.path().filename().string());
  }
  BOOST_TEST((names == std::set<std::string>{"000001.model", "000002.model", "000003.model",
                                             "000004.model", "current"}));
}

BOOST_AUTO_TEST_CASE(the_very_first_save_cut_short_leaves_nothing_or_the_model) {
  save("one");
  const std::string model_one = directory.read("models/web/forest/000001.model");
  fs::remove(folder() + "/current");
  const auto recovery = recover();
  BOOST_REQUIRE(recovery.model.has_value());
  BOOST_TEST(recovery.model->version == 1U);
  BOOST_TEST(store.current(kMonitor, kDetector).value() == 1U);
  fs::remove(folder() + "/current");
  fs::remove(path(1));
  overwrite(path(1) + ".new", model_one);
  BOOST_TEST(!recover().model.has_value());
  BOOST_TEST(recover().problems.empty());
}

BOOST_AUTO_TEST_CASE(a_damaged_pointer_is_said_and_mended) {
  save("one");
  save("two");
  overwrite(folder() + "/current", "000001");
  const auto recovery = recover();
  BOOST_TEST(recovery.model->version == 2U);
  BOOST_TEST(recovery.problems.size() == 1U);
  BOOST_TEST(store.current(kMonitor, kDetector).value() == 2U);
}

BOOST_AUTO_TEST_CASE(a_pointer_to_nothing_is_said_and_mended) {
  save("one");
  save("two");
  fs::remove(path(2));
  const auto recovery = recover();
  BOOST_TEST(recovery.model->version == 1U);
  BOOST_REQUIRE(recovery.problems.size() == 1U);
  BOOST_TEST(recovery.problems[0].find("missing") != std::string::npos);
  BOOST_TEST(store.current(kMonitor, kDetector).value() == 1U);
}

BOOST_AUTO_TEST_CASE(no_single_damaged_byte_gives_wrong_metadata_or_a_wrong_model) {
  save("some body");
  const std::string whole = directory.read("models/web/forest/000001.model");
  for (std::size_t at = 0; at < whole.size(); ++at) {
    std::string bytes = whole;
    bytes[at] = static_cast<char>(bytes[at] ^ 0x80);
    overwrite(path(1), bytes);
    BOOST_TEST(!store.load(kMonitor, kDetector, 1).ok());
    if (const auto m = store.metadata(kMonitor, kDetector, 1); m.ok()) {
      BOOST_TEST(m->parameters == "p");
      BOOST_TEST(m->figures.size() == 2U);
    }
  }
  for (std::size_t size = 0; size < whole.size(); ++size) {
    overwrite(path(1), whole.substr(0, size));
    BOOST_TEST(!store.load(kMonitor, kDetector, 1).ok());
    BOOST_TEST(!store.metadata(kMonitor, kDetector, 1).ok());
  }
}

BOOST_AUTO_TEST_CASE(a_folder_that_cannot_be_written_is_named) {
  directory.write("models", "a file where a folder should be");
  const auto saved = store.save(kMonitor, kDetector, model("x"));
  BOOST_REQUIRE(!saved.ok());
  BOOST_TEST((saved.error().code == ErrorCode::Unavailable));
  BOOST_TEST(saved.error().message.find("models/web/forest") != std::string::npos);
}

BOOST_AUTO_TEST_SUITE_END()

}  // namespace
}  // namespace anomaly_exporter::storage
