<?php
/** Bodies whose markup is the case: blocks, embeds, attachments, foreign text and dirt. */

declare(strict_types=1);

$lead = static fn (string $text): string => "<!-- wp:paragraph -->\n<p>$text</p>\n<!-- /wp:paragraph -->\n\n";

return [
    'blocks' => [
        'title' => 'Паспорт школьного музея: форма, сроки, таблица',
        'date' => '2024-04-02 10:00:00',
        'categories' => ['Документы', 'Положения'],
        'tags' => ['музей'],
        'content' => $lead('Музею, который хочет получить паспорт, нужны фонд, актив и план.') . <<<'HTML'
            <!-- wp:list {"ordered":true} -->
            <ol><li>Заполнить карточку музея.</li><li>Описать фонд.<ul><li>подлинники</li><li>копии</li></ul></li></ol>
            <!-- /wp:list -->

            <!-- wp:quote -->
            <blockquote class="wp-block-quote"><p>Музей живёт, пока в нём что-то делают дети.</p>
            <cite>Из положения о конкурсе</cite></blockquote>
            <!-- /wp:quote -->

            <!-- wp:table {"hasFixedLayout":true} -->
            <figure class="wp-block-table"><table class="has-fixed-layout"><thead><tr><th>Район</th><th>Музеев</th>
            <th>С паспортом</th></tr></thead><tbody><tr><td>Заозёрный</td><td>14</td><td>9</td></tr>
            <tr><td>Рябиновский</td><td>8</td><td>8</td></tr></tbody></table>
            <figcaption>Школьные музеи на 1 апреля</figcaption></figure>
            <!-- /wp:table -->
            HTML,
    ],
    'embed-rutube' => [
        'title' => 'Видео: как школьники запустили метеозонд',
        'date' => '2024-05-02 12:00:00',
        'categories' => ['Дополнительное образование'],
        'tags' => ['видео'],
        'content' => $lead('Зонд поднялся на двадцать восемь километров и снял изгиб горизонта.') . <<<'HTML'
            <!-- wp:html -->
            <figure class="wp-block-embed is-type-video"><div class="wp-block-embed__wrapper">
            <iframe width="720" height="405" src="https://rutube.ru/play/embed/0123456789abcdef0123456789abcdef/"
            title="Запуск метеозонда" allowfullscreen></iframe></div>
            <figcaption>Запуск со двора Ольшанской школы</figcaption></figure>
            <!-- /wp:html -->
            HTML,
    ],
    'embed-vk' => [
        'title' => 'Запись родительского собрания «Спокойный экзамен»',
        'date' => '2024-05-06 19:30:00',
        'categories' => ['Экзамены'],
        'tags' => ['видео', 'родителям'],
        'content' => <<<'HTML'
            Собрание смотрели две тысячи семей, психолог ответила на сорок вопросов.

            <iframe src="https://vk.com/video_ext.php?oid=-1000001&id=456239017&hd=2" width="640" height="360"></iframe>

            Вопросы, на которые не хватило времени, соберут в памятку.
            HTML,
    ],
    // Addresses that no embed provider knows: WordPress leaves them as text.
    'embed-address' => [
        'title' => 'Смотрите прямую линию о профориентации',
        'date' => '2024-05-08 09:15:00',
        'tags' => ['видео', 'профориентация'],
        'content' => $lead('Прямая линия начнётся в полдень, запись останется в канале.') . <<<'HTML'
            <!-- wp:embed {"url":"https://rutube.ru/video/fedcba9876543210fedcba9876543210/","type":"video"} -->
            <figure class="wp-block-embed is-type-video"><div class="wp-block-embed__wrapper">
            https://rutube.ru/video/fedcba9876543210fedcba9876543210/
            </div><figcaption>Трансляция технопарка</figcaption></figure>
            <!-- /wp:embed -->

            <!-- wp:embed {"url":"https://t.me/verhneluzhsk_obr_example/17"} -->
            <figure class="wp-block-embed"><div class="wp-block-embed__wrapper">
            https://t.me/verhneluzhsk_obr_example/17
            </div></figure>
            <!-- /wp:embed -->
            HTML,
    ],
    'pdf-link' => [
        'title' => 'Опубликован приказ о слёте юных краеведов',
        'date' => '2023-09-04 11:00:00',
        'categories' => ['Документы', 'Приказы'],
        'tags' => ['краеведение'],
        'image' => 'green.png',
        'content' => <<<'HTML'
            Слёт пройдёт на базе лагеря «Сосновая коса». Программа, смета и список групп указаны в документе:
            <a href="{{order.pdf}}">приказ № 412 (PDF, 2 страницы)</a>.
            HTML,
    ],
    'pdf-block' => [
        'title' => 'Меню школьных столовых на сентябрь',
        'date' => '2023-09-05 08:30:00',
        'categories' => ['Документы'],
        'tags' => ['питание'],
        'content' => $lead('Меню рассчитано на двенадцать дней и учитывает пожелания родителей.') . <<<'HTML'
            <!-- wp:file {"href":"{{menu.pdf}}"} -->
            <div class="wp-block-file"><a href="{{menu.pdf}}">Меню</a><a href="{{menu.pdf}}"
            class="wp-block-file__button wp-element-button" download>Скачать</a></div>
            <!-- /wp:file -->
            HTML,
    ],
    // A shortcode of a plugin that is gone: it stays literal.
    'shortcode' => [
        'title' => 'Как записаться в кружок через навигатор',
        'date' => '2024-09-02 10:00:00',
        'categories' => ['Дополнительное образование'],
        'tags' => ['кружки'],
        'content' => "Выберите кружок, нажмите «Записаться» и дождитесь звонка педагога.\n\n"
            . '[su_button url="x"]Текст[/su_button]' . "\n\nОтветы на вопросы даёт районный опорный центр.",
    ],
    // The list of newest posts pulls other titles into this text.
    'latest-posts' => [
        'title' => 'Дайджест недели',
        'date' => '2024-09-20 18:00:00',
        'content' => $lead('Коротко о том, чем запомнилась неделя в школах Верхнелужской области.')
            . '<!-- wp:latest-posts {"postsToShow":4,"displayPostDate":true} /-->',
    ],
    'related' => [
        'title' => 'Школьный двор превратили в сад лекарственных трав',
        'date' => '2024-06-10 12:30:00',
        'categories' => ['Школы'],
        'tags' => ['экология'],
        'content' => $lead('Мята, душица и зверобой растут теперь под окнами кабинета биологии.') . <<<'HTML'
            <div class="yarpp yarpp-related"><h3>Похожие записи</h3><ol>
            <li><a href="/2024/06/24/">Школьники проложили экологическую тропу у Долгого Бора</a></li>
            <li><a href="/2025/04/22/">Единый урок экологии: сколько весит школьный мусор</a></li></ol></div>
            HTML,
    ],
    'share' => [
        'title' => 'Ярмарка учебных проектов прошла в Тихоозёрске',
        'date' => '2024-04-26 15:00:00',
        'categories' => ['Конкурсы и олимпиады'],
        'content' => <<<'HTML'
            На ярмарку привезли сто шесть проектов: от умной поилки для телят до словаря говоров.

            <div class="social-share"><span>Поделиться:</span> <a href="https://vk.com/share.php?url=x">ВКонтакте</a>
            <a href="https://connect.ok.ru/offer?url=x">Одноклассники</a> <a href="#" onclick="print()">Версия для печати</a>
            <span class="views">Просмотров: 1 204</span></div>
            HTML,
    ],
    'script-style' => [
        'title' => 'Опрос: каким должен быть школьный звонок',
        'date' => '2024-10-21 10:30:00',
        'categories' => ['Школы'],
        'content' => <<<'HTML'
            <style>.poll-vote { color: #c00; } .poll-hidden { display: none }</style>
            <p>Больше половины учеников хотят мелодию вместо треска, остальные просят тишины.</p>
            <script>var pollSecretToken = "poll-4711"; document.write("Голосуйте!");</script>
            <noscript>Включите JavaScript, чтобы проголосовать</noscript>
            <!-- черновик: добавить диаграмму -->
            HTML,
    ],
    'word' => [
        'title' => 'Положение о смотре строя и песни',
        'date' => '2024-01-22 11:11:00',
        'categories' => ['Документы', 'Положения'],
        'content' => <<<'HTML'
            <!--[if gte mso 9]><xml><w:WordDocument><w:View>Normal</w:View></w:WordDocument></xml><![endif]-->
            <p class="MsoNormal" style="text-align:justify;mso-margin-top-alt:auto"><b><span lang="RU"
            style="font-family:'Times New Roman','serif'">1. Общие положения<o:p></o:p></span></b></p>
            <p class="MsoNormal"><span style="mso-spacerun:yes">&nbsp;&nbsp; </span>Смотр проводится среди учащихся
            <st1:place>Рябиновского</st1:place> района<o:p>&nbsp;</o:p></p>
            <p class="MsoListParagraphCxSpFirst"><span style="mso-list:Ignore">·<span>&nbsp;&nbsp;&nbsp;</span></span>команда
            из двенадцати человек;<o:p></o:p></p>
            HTML,
    ],
    'br-soup' => [
        'title' => 'Объявление о наборе в хореографическую студию',
        'date' => '2024-08-27 17:00:00',
        'categories' => ['Дополнительное образование'],
        // In a block, or WordPress would make paragraphs of it.
        'content' => '<!-- wp:html --><div>Студия «Задоринка» объявляет набор!<br><br>Ждём детей от пяти лет.<br/>Занятия по вторникам и '
            . 'пятницам<br />Начало в 17:30<br><br><br>С собой: сменная обувь,<br>справка от врача,<br>хорошее '
            . 'настроение.<br><br>Запись у вахты школы № 5</div><!-- /wp:html -->',
    ],
    // A table in a table, unclosed cells and paragraphs, a link without an end.
    'broken-html' => [
        'title' => 'График приёма граждан',
        'date' => '2023-11-13 09:00:00',
        'categories' => ['Документы'],
        'content' => '<table border=1><tr><td>День<td>Кабинет<tr><td>Вторник<td><table><tr><td>204<td>до обеда</table>'
            . '<tr><td>Четверг<td>310</table><p>Приём ведёт <b>отдел общего <i>образования</b></i><p>Запись '
            . '<a href="/priem">по ссылке',
    ],
    'noindex-tabs' => [
        'title' => 'Дистанционные курсы: вопросы и ответы',
        'date' => '2024-02-26 12:00:00',
        'categories' => ['Педагогам'],
        'content' => <<<'HTML'
            <noindex><a href="/special">Версия для слабовидящих</a></noindex>
            <ul class="tabs"><li class="active">Кому</li><li>Как</li></ul>
            <div class="tab-content"><div class="tab">Курсы открыты для педагогов со стажем до трёх лет.</div>
            <div class="tab" style="display:none">Запишитесь через методиста своей школы.</div></div>
            <details><summary>Выдают ли удостоверение?</summary><p>Да, после зачёта в личном кабинете.</p></details>
            HTML,
    ],
    'more' => [
        'title' => 'Отчёт о слёте юных краеведов',
        'date' => '2023-09-18 14:00:00',
        'image' => 'green.png',
        'tags' => ['краеведение'],
        'content' => $lead('Двести краеведов провели три дня в лагере «Сосновая коса».')
            . "<!-- wp:more -->\n<!--more Читать полностью-->\n<!-- /wp:more -->\n\n"
            . $lead('Они нашли старую мельницу, записали девять песен и составили карту родников.'),
    ],
    // The page shows its parts one by one, REST shows all.
    'nextpage' => [
        'title' => 'Азбука первокурсника в двух частях',
        'date' => '2024-09-01 07:00:00',
        'categories' => ['Колледжи'],
        'content' => "Часть первая. Как читать расписание и где взять студенческий билет.\n\n<!--nextpage-->\n\n"
            . 'Часть вторая. Когда платят стипендию и кому положено общежитие.',
    ],
    'image' => [
        'title' => 'Фоторепортаж: ледовая арена для юных хоккеистов',
        'date' => '2023-12-04 13:00:00',
        'categories' => ['Дети & спорт'],
        'image' => 'blue.png',
        'content' => "Арена вмещает триста зрителей, первый матч сыграли команды шестых классов.\n\n"
            . '[caption id="" align="aligncenter" width="320"]<img src="{{blue.png}}" alt="Вратарь отбивает шайбу" '
            . 'width="320" height="180" /> Первая тренировка на новом льду[/caption]',
    ],
    'lazy-image' => [
        'title' => 'Выставка детского рисунка «Мой учитель»',
        'date' => '2023-10-16 12:00:00',
        'image' => 'green.png',
        'content' => $lead('На выставке семьдесят работ, автору самой маленькой из них пять лет.') . <<<'HTML'
            <figure class="wp-block-image"><img class="lazy" src="data:image/gif;base64,R0lGODlhAQABAAAAACw="
            data-src="{{green.png}}" alt="Портрет учительницы акварелью"><figcaption>Акварель первоклассницы</figcaption>
            </figure>
            HTML,
    ],
    // Readers' comments follow the text on the page.
    'comments' => [
        'title' => 'Нужна ли школьная форма: мнения родителей',
        'date' => '2024-08-12 09:00:00',
        'tags' => ['родителям'],
        'comments' => [
            'Мама двоих' => 'У нас жилетки в клетку, детям нравится, а утром меньше споров.',
            'Дедушка' => 'Мы ходили в серых гимнастёрках, и ничего, выучились.',
        ],
        'content' => classic('Опрос показал, что две трети семей за единый стиль, но против одинаковых костюмов. '
            . 'Решение о форме принимает каждая школа вместе с родителями.'),
    ],
];
