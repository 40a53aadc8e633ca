#define BOOST_TEST_DYN_LINK
#define BOOST_TEST_MODULE anomaly_exporter
#include <boost/test/unit_test.hpp>
