/** What to do first: nothing is in the library yet. The page goes on by itself once the first photo is there. */
export function EmptyLibrary({ email }: { email: string | undefined }) {
  return (
    <div class="empty">
      <h2>No photos yet</h2>
      <p>Send the first ones from the computer or handset that has them. They appear here by themselves.</p>
      <ol>
        <li>
          <p>On the server, make a token for that device:</p>
          <Command line={`photosync device add ${email ?? 'you@example.org'} "My laptop"`} />
        </li>
        <li>
          <p>On the device, push a folder of photos:</p>
          <Command line={`photosync push ~/Pictures --server ${location.origin} --token TOKEN`} />
        </li>
      </ol>
      <p class="soft">Pushing the same folder again sends only what isn't here yet.</p>
    </div>
  )
}

/** Breaks between words only: `--server` stays whole. */
function Command({ line }: { line: string }) {
  return (
    <pre>
      <code>{line.split(' ').flatMap(word => [' ', <span key={word}>{word}</span>])}</code>
    </pre>
  )
}
