<?php
/** Turn the seed's plain notation into what WordPress stores. */

declare(strict_types=1);

/** @return list<string> Paragraphs of a text, each on one line. */
function bed_paragraphs(string $text): array
{
    $paragraphs = preg_split('/\n\s*\n/u', trim($text));
    return preg_replace('/\s*\n\s*/u', ' ', $paragraphs);
}

/** Classic editor: paragraphs parted by empty lines, no markup of their own. */
function classic(string $text): string
{
    return implode("\n\n", bed_paragraphs($text));
}

/**
 * Block editor: every paragraph a block. «## » opens a heading, «- » a list of items parted by « - »,
 * «> » a quote; what begins with «<» stays as it is.
 */
function blocks(string $text): string
{
    return implode("\n\n", array_map('bed_block', bed_paragraphs($text)));
}

function bed_block(string $text): string
{
    [$mark, $rest] = [strtok($text, ' '), substr($text, (int) strpos($text, ' ') + 1)];
    $quote = "<blockquote class=\"wp-block-quote\"><p>$rest</p></blockquote>";
    $items = '<li>' . str_replace(' - ', '</li><li>', $rest) . '</li>';
    return match (true) {
        $mark === '##' => "<!-- wp:heading -->\n<h2>$rest</h2>\n<!-- /wp:heading -->",
        $mark === '-' => "<!-- wp:list -->\n<ul>$items</ul>\n<!-- /wp:list -->",
        $mark === '>' => "<!-- wp:quote -->\n$quote\n<!-- /wp:quote -->",
        $text[0] === '<' => $text,
        default => "<!-- wp:paragraph -->\n<p>$text</p>\n<!-- /wp:paragraph -->",
    };
}

/**
 * A real PDF, one page for each text, whose Cyrillic a reader can extract.
 *
 * The letters are named by their Adobe glyph names at their windows-1251 places, so no font is embedded.
 *
 * @param list<string> $pages Lines of each page, parted by line feeds.
 */
function bed_pdf(array $pages): string
{
    $capitals = array_diff(range(10017, 10049), [10023]);
    $small = array_diff(range(10065, 10097), [10071]);
    $glyphs = '/afii' . implode('/afii', [...$capitals, ...$small]);
    $kids = implode(' ', array_map(static fn (int $i): string => (5 + 2 * $i) . ' 0 R', array_keys($pages)));
    $objects = [
        '<</Type/Catalog/Pages 2 0 R>>',
        "<</Type/Pages/Kids[$kids]/Count " . count($pages) . '>>',
        '<</Type/Font/Subtype/Type1/BaseFont/BedMono/FontDescriptor 4 0 R/FirstChar 32/LastChar 255/Widths['
            . str_repeat('600 ', 224) . ']/Encoding<</Type/Encoding/BaseEncoding/WinAnsiEncoding'
            . "/Differences[168/afii10023 184/afii10071 185/afii61352 192$glyphs]>>>>",
        '<</Type/FontDescriptor/FontName/BedMono/Flags 33/FontBBox[0 -200 600 800]/ItalicAngle 0/Ascent 800'
            . '/Descent -200/CapHeight 700/StemV 80>>',
    ];
    foreach ($pages as $page) {
        $lines = implode("> Tj T*\n<", array_map('bin2hex', explode("\n", iconv('UTF-8', 'CP1251', $page))));
        $stream = "BT /F1 12 Tf 16 TL 60 780 Td\n<$lines> Tj\nET";
        $objects[] = '<</Type/Page/Parent 2 0 R/MediaBox[0 0 595 842]/Resources<</Font<</F1 3 0 R>>>>/Contents '
            . (count($objects) + 2) . ' 0 R>>';
        $objects[] = '<</Length ' . strlen($stream) . ">>\nstream\n$stream\nendstream";
    }
    return bed_pdf_file($objects);
}

/** @param list<string> $objects Bodies of the objects from number 1 on; the first is the catalogue. */
function bed_pdf_file(array $objects): string
{
    $file = "%PDF-1.4\n";
    $table = "0000000000 65535 f \n";
    foreach ($objects as $index => $object) {
        $table .= sprintf("%010d 00000 n \n", strlen($file));
        $file .= ($index + 1) . " 0 obj\n$object\nendobj\n";
    }
    $size = count($objects) + 1;
    $start = strlen($file);
    return "{$file}xref\n0 $size\n{$table}trailer\n<</Size $size/Root 1 0 R>>\nstartxref\n$start\n%%EOF\n";
}

/** A real PNG of 320 x 180 points in one colour. */
function bed_png(int $red, int $green, int $blue): string
{
    $image = imagecreatetruecolor(320, 180);
    imagefill($image, 0, 0, imagecolorallocate($image, $red, $green, $blue));
    ob_start();
    imagepng($image);
    return ob_get_clean();
}
