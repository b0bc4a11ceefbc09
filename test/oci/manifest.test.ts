import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf } from '../../src/oci/digest.ts'
import { RegistryError } from '../../src/oci/error.ts'
import { isDistributable, parseManifest } from '../../src/oci/manifest.ts'
import {
  DOCKER_MANIFEST,
  DOCKER_MANIFEST_LIST,
  DOCKER_SCHEMA1_SIGNED,
  OCI_INDEX,
  OCI_MANIFEST,
} from '../../src/oci/media-type.ts'
import { imageOf, indexOf } from '../support/images.ts'

const blob = { mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf('layer'), size: 5 }
const child = { mediaType: OCI_MANIFEST, digest: digestOf('child'), size: 9 }
const image = { schemaVersion: 2, mediaType: OCI_MANIFEST, config: blob, layers: [blob] }
const index = { schemaVersion: 2, mediaType: OCI_INDEX, manifests: [child] }

const parse = (value: unknown, contentType?: string) =>
  parseManifest(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), contentType)

/** The message of the one error that there may be. */
function refusal(value: unknown, contentType?: string): string {
  try {
    parse(value, contentType)
    return 'none'
  } catch (error) {
    assert(error instanceof RegistryError)
    assert.deepEqual([error.code, error.status], ['MANIFEST_INVALID', 400])
    assert.doesNotMatch(error.message, /\n/)
    return error.message
  }
}

test('an image is its config and layers, an index its manifests', () => {
  const { manifest, blobs } = imageOf({ layers: 2 })
  const parsed = parseManifest(manifest.bytes, manifest.mediaType)
  assert.equal(parsed.mediaType, OCI_MANIFEST)
  assert.deepEqual(
    parsed.blobs,
    blobs.map(({ mediaType, digest, size }) => ({ mediaType, digest, size })),
  )
  assert.deepEqual(parsed.manifests, [])
  const docker = imageOf({ docker: true })
  assert.equal(parseManifest(docker.manifest.bytes, DOCKER_MANIFEST).blobs.length, 2)
  const list = indexOf([docker], { docker: true }).manifest
  const { mediaType, manifests, blobs: none } = parseManifest(list.bytes, DOCKER_MANIFEST_LIST)
  assert.equal(mediaType, DOCKER_MANIFEST_LIST)
  assert.deepEqual([manifests.map(({ digest }) => digest), none], [[docker.manifest.digest], []])
})

test('subject, artifact type and annotations are told', () => {
  const annotations = { 'org.example.note': 'x' }
  const parsed = parse({ ...image, subject: child, artifactType: 'application/x', annotations })
  assert.deepEqual(parsed.subject, child)
  assert.equal(parsed.artifactType, 'application/x')
  assert.deepEqual(parsed.annotations, annotations)
  const bare = parse({ ...image, annotations: null, artifactType: '' })
  assert.deepEqual([bare.subject, bare.artifactType, bare.annotations], [undefined, undefined, undefined])
  // As some languages write what is not there.
  assert.equal(parse({ ...image, subject: null }).subject, undefined)
})

test('the bytes decide on the type, and what is declared beside them must be the same', () => {
  assert.equal(parse(image).mediaType, OCI_MANIFEST)
  assert.equal(parse(image, `${OCI_MANIFEST.toUpperCase()}; charset=utf-8`).mediaType, OCI_MANIFEST)
  assert.match(refusal(image, OCI_INDEX), /^the Content-Type is ".*index.*" but the manifest is of the type/)
  assert.match(refusal(image, DOCKER_MANIFEST), /but the manifest is of the type/)
  assert.match(refusal(image, 'application/json'), /but the manifest is of the type/)
})

test('without a type inside, one digest still has one type', () => {
  const [plainImage, plainIndex] = [
    { ...image, mediaType: undefined },
    { ...index, mediaType: undefined },
  ]
  assert.equal(parse(plainImage, OCI_MANIFEST).mediaType, OCI_MANIFEST)
  assert.equal(parse(plainIndex, OCI_INDEX).mediaType, OCI_INDEX)
  assert.match(refusal(plainImage, OCI_INDEX), /but the manifest is of the type/)
  assert.match(refusal(plainImage, DOCKER_MANIFEST), /but the manifest is of the type/)
  assert.match(refusal(plainIndex, OCI_MANIFEST), /but the manifest is of the type/)
})

test('what could be read as an image and as an index is refused (CVE-2021-41190)', () => {
  assert.match(refusal({ ...image, manifests: [child] }), /^"manifests" does not belong into/)
  assert.match(refusal({ ...index, layers: [blob] }), /^"layers" does not belong into/)
  assert.match(refusal({ ...index, config: blob }), /^"config" does not belong into/)
  const undeclared = { schemaVersion: 2, config: blob, layers: [blob], manifests: [child] }
  assert.match(refusal(undeclared, OCI_MANIFEST), /"config" does not belong|of the type/)
  assert.match(refusal(undeclared, OCI_INDEX), /does not belong into/)
  assert.equal(refusal({ ...image, manifests: null }), 'none')
})

test('schema 1 and other types are refused with what to do', () => {
  assert.match(refusal({ schemaVersion: 1, fsLayers: [] }), /schema 1 .* push the image again/)
  assert.match(refusal({ ...image, mediaType: DOCKER_SCHEMA1_SIGNED }), /schema 1/)
  assert.match(refusal({ ...image, mediaType: 'text/html' }), /^"text\/html" is not the media type/)
  assert.match(refusal({ ...image, schemaVersion: '2' }), /no "schemaVersion": 2/)
  assert.match(refusal({ ...image, config: undefined }), /has no "config"/)
  assert.match(refusal({ ...index, manifests: undefined }), /has no "manifests"/)
})

test('what is no JSON object, no UTF-8 or nested too deep is refused', () => {
  assert.match(refusal('{'), /not valid JSON/)
  assert.match(refusal(''), /not valid JSON/)
  assert.match(refusal('[]'), /not a JSON object/)
  assert.match(refusal('null'), /not a JSON object/)
  assert.match(refusal(`{"a":${'['.repeat(64)}${']'.repeat(64)}}`), /nested too deep/)
  assert.throws(() => parseManifest(Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x7d]), undefined), /UTF-8/)
})

test('a descriptor that is not whole is named by its place', () => {
  assert.equal(refusal({ ...image, config: 'x' }), '"config" is not a descriptor')
  assert.equal(refusal({ ...image, layers: {} }), '"layers" is not a list')
  assert.equal(refusal({ ...image, layers: [blob, null] }), '"layers[1]" is not a descriptor')
  const layer = (fields: object) => refusal({ ...image, layers: [{ ...blob, ...fields }] })
  assert.equal(layer({ mediaType: 1 }), '"layers[0]" has no mediaType')
  assert.equal(layer({ digest: 'sha256:x' }), '"layers[0]" has no valid sha256 or sha512 digest')
  assert.equal(layer({ size: -1 }), '"layers[0]" has no valid size')
  assert.equal(layer({ size: 1.5 }), '"layers[0]" has no valid size')
  assert.equal(layer({ size: '5' }), '"layers[0]" has no valid size')
  assert.equal(
    layer({ annotations: { a: 1 } }),
    '"layers[0].annotations" has a value of "a" that is not a string',
  )
  assert.equal(refusal({ ...image, subject: {} }), '"subject" has no mediaType')
  assert.equal(refusal({ ...image, artifactType: 1 }), '"artifactType" is not a string')
  assert.equal(refusal({ ...image, annotations: [] }), '"annotations" is not an object')
})

test('what a client sent comes back to it in short', () => {
  assert(refusal({ ...image, mediaType: 'x'.repeat(1_000_000) }).length < 200)
  assert(refusal(image, 'x'.repeat(10_000)).length < 300)
})

test('a layer that stays with a third party is told by its type', () => {
  const types = [
    'application/vnd.oci.image.layer.nondistributable.v1.tar+gzip',
    'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
    'application/vnd.oci.image.layer.v1.tar+gzip',
  ]
  assert.deepEqual(
    types.map((mediaType) => isDistributable({ ...blob, mediaType })),
    [false, false, true],
  )
  const urls = ['https://third.party/layer', 7]
  assert.deepEqual(parse({ ...image, layers: [{ ...blob, urls }] }).blobs[1]?.urls, [
    'https://third.party/layer',
  ])
})
