// The conformance run is only as good as the reading of its report.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { judge, readKnown, readReport } from './report.ts'

const XML = `<?xml version="1.0"?>
<testsuites tests="6">
  <testsuite name="OCI Conformance Test" tests="6" failures="2" errors="0" disabled="1" skipped="1" time="1.0">
    <testcase name="OCI Conformance Test/ping" classname="" status="passed"><system-err>&lt;testcase name=&#34;x&#34; status=&#34;failure&#34;</system-err></testcase>
    <testcase name="OCI Conformance Test/blobs/a &amp; b" classname="" status="passed"></testcase>
    <testcase name="OCI Conformance Test/blobs/a &amp; b" classname="" status="failure">
      <system-out>status was 500&#xA;and more</system-out>
    </testcase>
    <testcase name="OCI Conformance Test/blobs/mount" classname="" status="skipped"></testcase>
  </testsuite>
</testsuites>`

test('a report is read into counts, and into names with their reasons', () => {
  const { total, pass, fail, skip, disabled, failures, passes } = readReport(XML)
  assert.deepEqual(
    { total, pass, fail, skip, disabled },
    { total: 6, pass: 2, fail: 2, skip: 1, disabled: 1 },
  )
  assert.deepEqual([...failures], [['blobs/a & b', 'status was 500']])
  assert.deepEqual([...passes], ['ping'])
})

test('a report that counts failures but names none is not believed', () => {
  assert.throws(() => readReport(XML.replaceAll('status="failure"', 'status="broken"')), /does not name/)
  assert.throws(() => readReport('<testsuites/>'), /no test suite/)
})

test('a failure that is not known is unexpected', () => {
  const { unexpected, mended } = judge([readReport(XML)], new Set())
  assert.deepEqual([[...unexpected.keys()], mended], [['blobs/a & b'], []])
})

test('a known failure is expected, and one that passes everywhere has to leave the list', () => {
  const known = readKnown('# the list\nblobs/a & b\n\nping\nblobs/mount\n')
  const { unexpected, mended } = judge([readReport(XML)], known)
  assert.deepEqual([unexpected.size, mended], [0, ['ping']])
})
